/** The people in the document, as its clients announce themselves. */

import type { Awareness } from 'y-protocols/awareness';
import { avatar } from '../avatar';
import { fill, h } from '../dom';
import type { Person } from '../sync/awareness-gate';

/** How many faces fit before the rest becomes a number, on a wide screen and on a phone. */
const FACES = { wide: 5, narrow: 2 };
const NARROW = '(max-width: 700px)';

/** A list that follows `awareness` until `signal` is aborted. */
export function peopleList(awareness: Awareness, ownId: string, signal: AbortSignal): HTMLElement {
  const list = h('ul', { class: 'faces people-here', 'aria-label': 'People here' });
  const show = (): void => {
    const people = peopleIn(awareness, ownId);
    const room = matchMedia(NARROW).matches ? FACES.narrow : FACES.wide;
    // A lone number in place of the last face would save nothing.
    const shown = people.length === room + 1 ? people.length : room;
    const faces = people
      .slice(0, shown)
      .map((person) => h('li', {}, avatar(person, person.id === ownId ? `${person.name} (you)` : person.name)));
    const rest = people.slice(shown);
    const names = rest.map(({ name }) => name).join(', ');
    fill(
      list,
      ...faces,
      rest.length > 0 &&
        h(
          'li',
          {},
          h('span', {
            class: 'avatar more',
            role: 'img',
            'aria-label': names,
            title: names,
            'data-initials': `+${rest.length}`,
          }),
        ),
    );
  };
  awareness.on('change', show);
  signal.addEventListener('abort', () => awareness.off('change', show));
  show();
  return list;
}

/** Each person once, whatever number of tabs they have open; oneself first. */
export function peopleIn(awareness: Pick<Awareness, 'getStates'>, ownId: string): Person[] {
  const people = new Map<string, Person>();
  for (const state of awareness.getStates().values()) {
    const person = state['user'] as Person | undefined;
    if (person !== undefined && !people.has(person.id)) people.set(person.id, person);
  }
  return [...people.values()].sort(
    (left, right) => Number(right.id === ownId) - Number(left.id === ownId) || left.name.localeCompare(right.name),
  );
}
