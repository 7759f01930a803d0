import { Client } from '../support/client';
import { expect, test } from '../support/fixtures';

test('the state line goes from Offline over Syncing to Saved', async ({ arriveOverLine }) => {
  const { person: alice, line } = await arriveOverLine('Alice');
  await alice.createDocument('States');
  await alice.write('first');
  await alice.isSaved();
  const states = await alice.recordStates();
  await line.cut();
  await expect(alice.stateLine).toHaveText(/^Offline/);
  await alice.write(' second');
  await line.restore();
  await alice.isSaved();

  const seen = await states();
  expect(seen[0]).toBe('saved');
  const offline = seen.indexOf('offline');
  const syncing = seen.indexOf('syncing', offline);
  expect(offline).toBeGreaterThan(0);
  expect(syncing).toBeGreaterThan(offline);
  expect(seen.at(-1)).toBe('saved');
  expect(seen.slice(offline, -1)).not.toContain('saved');
});

test('Saved waits for the word of the server', async ({ arriveOverLine }) => {
  const { person: alice, line } = await arriveOverLine('Alice');
  await alice.createDocument('Silence');
  await alice.write('known');
  await alice.isSaved();
  line.hold();
  const states = await alice.recordStates();
  await alice.write(' unknown');
  await alice.reads('known unknown');
  await expect(alice.stateLine).toHaveText('Syncing\u2026');
  // A reload of another page over the same held line would hang; the record shows that nothing was promised meanwhile.
  expect((await states()).slice(1)).toEqual(['syncing']);
  line.release();
  await alice.isSaved();
});

test('what was shown as saved is there after the server is killed', async ({ arrive, server }) => {
  const alice = await arrive('Alice');
  const id = await alice.createDocument('Crash');
  const words: string[] = [];
  for (const word of ['alpha', 'beta', 'gamma']) {
    words.push(word);
    await alice.write(`${word} `);
    await alice.isSaved();
    await server.kill();
    await expect(alice.stateLine).not.toHaveText('Saved');
    await server.launch();
    await alice.isSaved();
    await alice.reads(`${words.join(' ')} `);
  }
  await alice.write('delta');
  await alice.isSaved();
  await server.kill();
  // Nobody who still has the text may come back before it is read from the server.
  await alice.leave();
  await server.launch();
  const reader = await Client.logIn(server.api, 'Alice');
  expect((await reader.content(id)).text.trim()).toBe('alpha beta gamma delta');
});

test('a page recovers by itself from a restart of the server', async ({ arrive, server }) => {
  const [alice, bob] = await Promise.all([arrive('Alice'), arrive('Bob')]);
  const id = await alice.createDocument('Restart');
  await alice.write('Before.');
  await bob.open(id);
  await bob.reads('Before.');
  await server.stop();
  await expect(alice.page.getByText('The server is restarting.')).toBeVisible();
  await expect(alice.stateLine).toHaveText(/^Offline/);
  await alice.write(' During.');
  await server.launch();
  await alice.isSaved();
  await bob.isSaved();
  await bob.reads('Before. During.');
  await expect(alice.page.getByText('The server is restarting.')).toHaveCount(0);
});

test('a change that is too large for the server is kept here and can be taken back', async ({ arrive }) => {
  const alice = await arrive('Alice');
  await alice.createDocument('Large', { kind: 'Plain text' });
  await alice.write('small');
  await alice.isSaved();
  await alice.page.evaluate(() => navigator.clipboard.writeText('x'.repeat(3_000_000)));
  await alice.page.keyboard.press('ControlOrMeta+v');
  await expect(alice.page.getByText('Your last change is too large for the server.')).toBeVisible();
  await expect(alice.stateLine).toHaveText('Not connected \u2013 1 change kept on this device');
  await alice.page.getByRole('button', { name: 'Discard my changes' }).click();
  await alice.page.getByRole('button', { name: 'Discard', exact: true }).click();
  await alice.isSaved();
  await alice.reads('small');
});
