import { Client } from '../support/client';
import { expect, test } from '../support/fixtures';

test('a reader reads along but cannot write, whatever the writer types', async ({ arrive }) => {
  const [alice, bob] = await Promise.all([arrive('Alice'), arrive('Bob')]);
  const id = await alice.createDocument('Announcement', { sharing: 'Anyone with the link can read' });
  await bob.open(id);
  await expect(bob.page.getByText('You can read this document.')).toBeVisible();
  await expect(bob.stateLine).toHaveText('Up to date');
  await expect(bob.text).toHaveAttribute('contenteditable', 'false');
  await expect(bob.title).toHaveAttribute('readonly');
  await expect(bob.page.getByRole('toolbar')).toBeHidden();

  // Addresses become links, and a heading at the end has no line after it: no client but the writer's may add to that.
  await alice.write('See https://example.org today.\n# The end');
  await bob.reads('See https://example.org today.', 'The end');
  await bob.text.click();
  await bob.page.keyboard.type('graffiti');
  await alice.write('!');
  await bob.reads('See https://example.org today.', 'The end!');
  await expect(bob.stateLine).toHaveText('Up to date');
  await alice.reads('See https://example.org today.', 'The end!');
  await expect(bob.text.getByRole('link')).toHaveCount(1);
});

test('a reader becomes a writer when the owner says so', async ({ arrive, server }) => {
  const [alice, bob] = await Promise.all([arrive('Alice'), arrive('Bob')]);
  const id = await alice.createDocument('Promotion', { sharing: 'Private' });
  await alice.page.getByRole('button', { name: 'Share' }).click();
  await alice.page.getByLabel('Name of the person').fill('Bob');
  await alice.page.getByLabel('What the person may do').selectOption('Can read');
  await alice.page.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(alice.page.getByRole('listitem').filter({ hasText: 'bob' })).toContainText('Can read');

  await bob.page.goto(server.url);
  await bob.page.getByRole('link', { name: 'Promotion' }).click();
  await expect(bob.page.getByText('You can read this document.')).toBeVisible();
  await alice.page.getByLabel('Name of the person').fill('Bob');
  await alice.page.getByLabel('What the person may do').selectOption('Can edit');
  await alice.page.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(bob.page.getByText('You can read this document.')).toHaveCount(0);
  await bob.write('Now I write.');
  await bob.isSaved();
  await alice.page.getByRole('button', { name: 'Done' }).click();
  await alice.reads('Now I write.');
  expect(id).not.toBe('');
});

test('an archived document is read-only for everybody until it is unarchived', async ({ arrive }) => {
  const [alice, bob] = await Promise.all([arrive('Alice'), arrive('Bob')]);
  const id = await alice.createDocument('Season');
  await alice.write('Summer.');
  await bob.open(id);
  await bob.reads('Summer.');
  await alice.page.getByRole('button', { name: 'Document menu' }).click();
  await alice.page.getByRole('menuitem', { name: 'Archive' }).click();
  await expect(alice.page.getByText('This document is archived.')).toBeVisible();
  await expect(alice.text).toHaveAttribute('contenteditable', 'false');
  await expect(bob.page.getByText('This document is archived.')).toBeVisible();
  await expect(bob.text).toHaveAttribute('contenteditable', 'false');
  await bob.page.reload();
  await bob.reads('Summer.');
  await expect(bob.page.getByText('This document is archived.')).toBeVisible();

  await alice.page.getByRole('button', { name: 'Unarchive' }).click();
  await expect(alice.text).toHaveAttribute('contenteditable', 'true');
  await alice.write(' Autumn.');
  await alice.isSaved();
});

test('changes that come too late for an archived document are not lost', async ({ arrive, arriveOverLine, server }) => {
  const alice = await arrive('Alice');
  const { person: bob, line } = await arriveOverLine('Bob');
  const id = await alice.createDocument('Deadline');
  await alice.write('In time.');
  await bob.open(id);
  await bob.reads('In time.');
  await bob.isSaved();
  await line.cut();
  await expect(bob.stateLine).toHaveText(/^Offline/);
  await bob.write(' Late.');
  const owner = await Client.logIn(server.api, 'Alice');
  await owner.change(id, { state: 'archived' });
  await line.restore();
  await expect(bob.page.getByText('This document was archived while you were writing.')).toBeVisible();
  await expect(bob.stateLine).toHaveText('Not uploaded \u2013 6 changes kept on this device');
  await bob.page.getByRole('button', { name: 'Show my text' }).click();
  await expect(bob.page.getByRole('textbox', { name: 'Your text' })).toHaveValue('In time. Late.');
  await bob.page.getByRole('button', { name: 'Done' }).click();

  await owner.change(id, { state: 'active' });
  // The page may hear of it, and go on by itself, while somebody is about to click.
  const retry = bob.page.getByRole('button', { name: 'Try again' });
  await Promise.race([retry.click().catch(() => undefined), bob.isSaved()]);
  await bob.isSaved();
  await bob.reads('In time. Late.');
  await alice.page.reload();
  await alice.reads('In time. Late.');
});

test('a session that ends is said so, and logging in again uploads what was written meanwhile', async ({
  arriveOverLine,
  server,
}) => {
  const { person: alice, line } = await arriveOverLine('Alice');
  const id = await alice.createDocument('Long day');
  await alice.write('Morning.');
  await alice.isSaved();
  await line.cut();
  await expect(alice.stateLine).toHaveText(/^Offline/);
  await alice.write(' Noon.');
  await endSession(server.api, await alice.page.evaluate(() => localStorage.getItem('aetherflow.session') ?? ''));
  await line.restore();
  await expect(alice.page.getByText('Your session has ended.')).toBeVisible();
  await expect(alice.stateLine).toHaveText('Not connected \u2013 6 changes kept on this device');
  await alice.write(' Evening.');
  await alice.page.getByRole('button', { name: 'Log in again' }).click();
  await alice.page.getByLabel('Your name').fill('Alice');
  await alice.page.getByRole('button', { name: 'Continue' }).click();
  await alice.reads('Morning. Noon. Evening.');
  await alice.isSaved();
  const content = await (await Client.logIn(server.api, 'Alice')).content(id);
  expect(content.text.trim()).toBe('Morning. Noon. Evening.');
});

test('an expired access token is replaced without anybody noticing', async ({ arriveOverLine }) => {
  const { person: alice, line } = await arriveOverLine('Alice');
  const id = await alice.createDocument('Token');
  await alice.write('One.');
  await alice.isSaved();
  // What the page knows as its token is refused by the server; only the refresh token is still good.
  await alice.page.evaluate(() => {
    const session: Record<string, unknown> = JSON.parse(localStorage.getItem('aetherflow.session') ?? '{}');
    localStorage.setItem('aetherflow.session', JSON.stringify({ ...session, accessToken: 'expired.token.here' }));
  });
  await line.cut();
  await expect(alice.stateLine).toHaveText(/^Offline/);
  await line.restore();
  await alice.isSaved();
  await alice.page.reload();
  await alice.reads('One.');
  await alice.write(' Two.');
  await alice.isSaved();
  expect(new URL(alice.page.url()).pathname).toBe(`/d/${id}`);
});

test('two tabs that replace an expired token at once both keep the session', async ({ arrive }) => {
  const alice = await arrive('Alice');
  const id = await alice.createDocument('Tabs and tokens');
  const first = alice.page;
  const second = await alice.openTab(id);
  await alice.isSaved();
  // Only one of them can use the refresh token: it is good for one use.
  await first.evaluate(() => {
    const session: Record<string, unknown> = JSON.parse(localStorage.getItem('aetherflow.session') ?? '{}');
    localStorage.setItem('aetherflow.session', JSON.stringify({ ...session, renewAt: 0 }));
  });
  await Promise.all([first.reload(), second.reload()]);
  for (const page of [first, second]) {
    alice.page = page;
    await alice.isSaved();
    await alice.write('here ');
    await alice.isSaved();
  }
});

test('a document that is deleted under an open page is said to be gone, and the text can be taken along', async ({
  arriveOverLine,
  server,
}) => {
  const owner = await Client.logIn(server.api, 'Owner');
  const { id } = await owner.create('Short-lived', 'richtext', 'edit');
  const { person: bob, line } = await arriveOverLine('Bob');
  await bob.open(id);
  await bob.write('Seen.');
  await bob.isSaved();
  await line.cut();
  await expect(bob.stateLine).toHaveText(/^Offline/);
  await bob.write(' Unseen.');
  await expect(bob.stateLine).toHaveText('Offline \u2013 8 changes kept on this device');
  await owner.remove(id);
  await line.restore();
  await expect(bob.page.getByText('This document is gone, or you no longer have access.')).toBeVisible();
  await expect(bob.text).toHaveAttribute('contenteditable', 'false');
  await bob.page.reload();
  await bob.page.getByRole('button', { name: 'Show my text' }).click();
  await expect(bob.page.getByRole('textbox', { name: 'Your text' })).toHaveValue('Seen. Unseen.');
  await bob.page.getByRole('button', { name: 'Done' }).click();
  await bob.page.getByRole('button', { name: 'Discard my changes' }).click();
  await bob.page.getByRole('button', { name: 'Discard', exact: true }).click();
  await expect(bob.page.getByRole('heading', { name: 'Document not found' })).toBeVisible();
});

async function endSession(api: string, stored: string): Promise<void> {
  const { accessToken } = JSON.parse(stored) as { accessToken: string };
  const response = await fetch(`${api}/auth/logout`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${accessToken}` },
  });
  expect(response.status).toBe(204);
}
