/**
 * What other people's clients say about themselves is data from outside: names, colours and caret positions of any shape. The gate
 * puts every incoming state into the one shape that the editors and the page rely on, before any of them sees it.
 */

import type { Awareness } from 'y-protocols/awareness';
import { colourOf } from '../identity';

/** The longest name that is shown, in characters. */
const NAME_LIMIT = 60;

export interface Person {
  id: string;
  name: string;
  color: string;
  /** The colour of a selected range (y-codemirror.next reads it). */
  colorLight: string;
}

/** The person as the caret extensions of the editors expect it in the awareness state. */
export function personOf(user: { id: string; name: string }): Person {
  const color = colourOf(user.id);
  return { id: user.id, name: user.name, color, colorLight: `${color}33` };
}

type State = Record<string, unknown>;

/** Cleans every state that arrives. Must be called before anything else listens to `awareness`. */
export function guardAwareness(awareness: Awareness): void {
  const own = awareness.clientID;
  awareness.on('change', ({ added, updated }: { added: number[]; updated: number[] }) => {
    for (const client of [...added, ...updated]) {
      const state = awareness.states.get(client);
      if (client !== own && state !== undefined) awareness.states.set(client, cleanState(client, state));
    }
  });
}

export function cleanState(client: number, state: State): State {
  return {
    user: cleanPerson(client, state['user']),
    cursor: cleanCursor(state['cursor']),
    detailsChanged: cleanNumber(state['detailsChanged']),
  };
}

function cleanPerson(client: number, value: unknown): Person {
  const fields = asRecord(value);
  const name = asText(fields?.['name']) || 'Someone';
  const id = asText(fields?.['id']) || `client-${client}`;
  const claimed = fields?.['color'];
  const color = typeof claimed === 'string' && /^#[0-9a-f]{6}$/i.test(claimed) ? claimed : colourOf(id);
  return { id, name, color, colorLight: `${color}33` };
}

function cleanCursor(value: unknown): State | null {
  const fields = asRecord(value);
  const anchor = cleanPosition(fields?.['anchor']);
  const head = cleanPosition(fields?.['head']);
  return anchor && head ? { anchor, head } : null;
}

/** A Yjs relative position: of an item, or of a type that is an item or a root. */
function cleanPosition(value: unknown): State | null {
  const fields = asRecord(value);
  if (fields === null) return null;
  const { type, tname, item, assoc } = fields;
  const isKnown = isItemId(item) || isItemId(type) || tname === 'default' || tname === 'content';
  const isSound = [item, type].every((id) => id === null || id === undefined || isItemId(id));
  if (!isKnown || !isSound) return null;
  return {
    type: type ?? null,
    tname: tname === 'default' || tname === 'content' ? tname : null,
    item: item ?? null,
    assoc: typeof assoc === 'number' ? assoc : 0,
  };
}

function isItemId(value: unknown): boolean {
  const fields = asRecord(value);
  return Number.isSafeInteger(fields?.['client']) && Number.isSafeInteger(fields?.['clock']);
}

function cleanNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function asRecord(value: unknown): State | null {
  return typeof value === 'object' && value !== null ? (value as State) : null;
}

function asText(value: unknown): string {
  // Control and bidirectional override characters could disguise one name as another.
  const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
  return typeof value === 'string' ? [...value.replace(unsafe, ' ').trim()].slice(0, NAME_LIMIT).join('') : '';
}
