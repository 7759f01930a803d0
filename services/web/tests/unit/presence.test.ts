import { expect, test } from 'vitest';
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { peopleIn } from '../../src/editor/people';
import { cleanState, guardAwareness, personOf } from '../../src/sync/awareness-gate';

test('a state that this page itself sends passes the gate as it is', () => {
  const doc = new Y.Doc();
  const text = doc.getText('content');
  text.insert(0, 'hello');
  const position = Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, 2)) as object;
  const user = personOf({ id: 'alice', name: 'Alice' });
  const clean = cleanState(1, { user, cursor: { anchor: position, head: position } });
  expect(clean['user']).toEqual(user);
  const { anchor } = clean['cursor'] as { anchor: Parameters<typeof Y.createRelativePositionFromJSON>[0] };
  expect(Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(anchor), doc)?.index).toBe(2);
});

test('names are cut and cleaned, colours that are none are replaced', () => {
  const person = (user: unknown): unknown => cleanState(9, { user })['user'];
  expect(person(undefined)).toMatchObject({ id: 'client-9', name: 'Someone' });
  expect(person('text')).toMatchObject({ name: 'Someone' });
  expect(person({ name: 'a\u202eb\u0000c' })).toMatchObject({ name: 'a b c' });
  expect((person({ name: 'x'.repeat(500) }) as { name: string }).name).toHaveLength(60);
  for (const color of ['red', '#fff', 'url(x)', '#0b6e75;x', 5, null]) {
    expect((person({ id: 'a', color }) as { color: string }).color).toMatch(/^#[0-9a-f]{6}$/);
  }
});

test('carets of unknown shape are dropped', () => {
  const cursor = (value: unknown): unknown => cleanState(9, { cursor: value })['cursor'];
  const good = { type: null, tname: 'content', item: null, assoc: 0 };
  expect(cursor({ anchor: good, head: good })).toEqual({ anchor: good, head: good });
  for (const bad of [
    5,
    null,
    {},
    { item: { client: 'a', clock: 1 } },
    { ...good, tname: 'other' },
    { ...good, item: { client: 1 } },
  ]) {
    expect(cursor({ anchor: good, head: bad })).toBeNull();
  }
});

test('the gate cleans what arrives before anybody else sees it', () => {
  const [here, there] = [new Awareness(new Y.Doc()), new Awareness(new Y.Doc())];
  guardAwareness(here);
  const seen: unknown[] = [];
  here.on('change', () => seen.push(here.getStates().get(there.clientID)?.['user']));
  there.setLocalState({ user: '<b>', extra: 1 });
  applyAwarenessUpdate(here, encodeAwarenessUpdate(there, [there.clientID]), 'test');
  expect(seen).toMatchObject([{ name: 'Someone' }]);
  expect(here.getStates().get(there.clientID)).not.toHaveProperty('extra');
  here.destroy();
  there.destroy();
});

test('people are listed once each, oneself first', () => {
  const states = new Map<number, Record<string, unknown>>([
    [1, { user: personOf({ id: 'zoe', name: 'Zoe' }) }],
    [2, { user: personOf({ id: 'me', name: 'Me' }) }],
    [3, { user: personOf({ id: 'bob', name: 'Bob' }) }],
    [4, { user: personOf({ id: 'zoe', name: 'Zoe' }) }],
    [5, {}],
  ]);
  expect(peopleIn({ getStates: () => states }, 'me').map(({ name }) => name)).toEqual(['Me', 'Bob', 'Zoe']);
});
