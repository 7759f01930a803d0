import { expect, test } from 'vitest';
import type { DocumentInfo } from '../../src/api';
import { noticeFor } from '../../src/editor/notice';
import { type ConnectionState, isFinal, problemOfClose, stateLine } from '../../src/sync/connection-state';

const SAVED: ConnectionState = {
  link: 'open',
  synced: true,
  saved: true,
  pending: 0,
  keepsCopy: true,
  unwritten: 0,
  problem: null,
};

function text(change: Partial<ConnectionState>, mayEdit = true): string {
  return stateLine({ ...SAVED, ...change }, mayEdit).text;
}

test('Saved needs an open connection, the content of the server, and everything acknowledged', () => {
  expect(text({})).toBe('Saved');
  expect(text({ saved: false })).toBe('Syncing\u2026');
  expect(text({ synced: false })).toBe('Syncing\u2026');
  expect(text({ link: 'connecting' })).toBe('Connecting\u2026');
  expect(text({ link: 'offline' })).not.toBe('Saved');
});

test('offline, the changes are counted, with the place where they are', () => {
  expect(text({ link: 'offline', pending: 1 })).toBe('Offline \u2013 1 change kept on this device');
  expect(text({ link: 'offline', pending: 3 })).toBe('Offline \u2013 3 changes kept on this device');
  expect(text({ link: 'offline', pending: 0 })).toBe('Offline \u2013 changes are kept on this device');
  expect(text({ link: 'offline', pending: 3, unwritten: 1 })).toBe('Offline \u2013 2 changes kept on this device');
  expect(text({ link: 'offline', pending: 1, unwritten: 1 })).toBe(
    'Offline \u2013 keeping your changes on this device\u2026',
  );
  expect(text({ link: 'offline', pending: 3, keepsCopy: false })).toBe(
    'Offline \u2013 3 changes in this tab only, keep it open',
  );
});

test('a reader is up to date rather than saved', () => {
  expect(text({}, false)).toBe('Up to date');
  expect(text({ saved: false }, false)).toBe('Up to date');
  expect(text({ synced: false }, false)).toBe('Syncing\u2026');
  expect(text({ link: 'offline' }, false)).toBe('Offline \u2013 showing the copy on this device');
});

test('a reader who still has changes here is never told that all is well', () => {
  expect(text({ pending: 2, saved: false, synced: false }, false)).toBe('Syncing\u2026');
  expect(text({ pending: 2, saved: false }, false)).toBe('Not uploaded \u2013 2 changes kept on this device');
  expect(text({ pending: 2, problem: 'refused' }, false)).toBe('Not uploaded \u2013 2 changes kept on this device');
});

test('after a final problem nothing is promised', () => {
  expect(text({ problem: 'too-large', pending: 2 })).toBe('Not connected \u2013 2 changes kept on this device');
  expect(text({ problem: 'not-found' })).toBe('Not connected');
  expect(text({ problem: 'restarting', link: 'offline', pending: 1 })).toBe(
    'Offline \u2013 1 change kept on this device',
  );
});

test('every close code of the server has its meaning, and only codes from 4400 to 4499 are final', () => {
  const codes = [4400, 4401, 4403, 4404, 4413, 1011, 1012, 1013];
  expect(codes.map(problemOfClose)).not.toContain(null);
  expect(codes.filter((code) => isFinal(problemOfClose(code)))).toEqual([4400, 4401, 4403, 4404, 4413]);
  expect(problemOfClose(1006)).toBeNull();
});

test('every problem has a sentence and advice, and changes at risk can be taken along', () => {
  const document = {
    role: 'editor',
    state: 'active',
    metadata: { permissions: { owner: 'alice', editors: [], viewers: [], public: 'edit' } },
  } as unknown as DocumentInfo;
  for (const problem of [
    'session-ended',
    'not-found',
    'refused',
    'too-large',
    'not-understood',
    'restarting',
    'busy',
    'server-error',
  ] as const) {
    const notice = noticeFor({ ...SAVED, problem, pending: 2 }, document);
    expect(notice?.title).toMatch(/\.$/);
    expect(notice?.advice).toMatch(/\.$/);
    const rescues = notice?.actions.map(({ run }) => run) ?? [];
    if (isFinal(problem) && problem !== 'session-ended') expect(rescues).toContain('showText');
  }
  expect(noticeFor(SAVED, document)).toBeNull();
  expect(noticeFor({ ...SAVED, pending: 2 }, { ...document, role: 'viewer' })?.title).toBe(
    'You may only read this document now.',
  );
  expect(noticeFor(SAVED, { ...document, role: 'viewer' })?.title).toBe('You can read this document.');
  expect(noticeFor(SAVED, { ...document, state: 'archived' })?.actions).toEqual([]);
  expect(noticeFor(SAVED, { ...document, state: 'archived', role: 'owner' })?.actions).toHaveLength(1);
});
