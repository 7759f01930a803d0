import { expect, test } from '../support/fixtures';

test('two people type in one paragraph at once, one goes offline and returns, and both end with the same text', async ({
  arrive,
  arriveOverLine,
}) => {
  const alice = await arrive('Alice');
  const { person: bob, line } = await arriveOverLine('Bob');
  const id = await alice.createDocument('Shared page');
  await bob.open(id);
  await alice.write('The middle.');
  await bob.reads('The middle.');

  await alice.putCaret('Home');
  await bob.putCaret('End');
  await Promise.all([alice.page.keyboard.type('Alice begins. '), bob.page.keyboard.type(' Bob ends.')]);
  await alice.reads('Alice begins. The middle. Bob ends.');
  await bob.reads('Alice begins. The middle. Bob ends.');
  await bob.isSaved();

  await line.cut();
  await expect(bob.stateLine).toHaveText(/^Offline/);
  await bob.write(' Bob was away.');
  await expect(bob.stateLine).toHaveText('Offline \u2013 14 changes kept on this device');
  await alice.putCaret('Home');
  await alice.page.keyboard.type('Meanwhile: ');
  await alice.isSaved();
  await alice.reads('Meanwhile: Alice begins. The middle. Bob ends.');
  await bob.reads('Alice begins. The middle. Bob ends. Bob was away.');

  await line.restore();
  const both = 'Meanwhile: Alice begins. The middle. Bob ends. Bob was away.';
  await bob.isSaved();
  await alice.reads(both);
  await bob.reads(both);
  await expect(alice.face('Bob')).toBeVisible();
  await expect(bob.face('Alice')).toBeVisible();

  await Promise.all([alice.page.reload(), bob.page.reload()]);
  await alice.reads(both);
  await bob.reads(both);
  await alice.isSaved();
  await bob.isSaved();
});

test('letters typed at the same place at once end in the same order for both', async ({ arrive }) => {
  const [alice, bob] = await Promise.all([arrive('Alice'), arrive('Bob')]);
  const id = await alice.createDocument('Race');
  await bob.open(id);
  await alice.isSaved();
  await bob.isSaved();
  await Promise.all([alice.text.focus(), bob.text.focus()]);
  await Promise.all([alice.page.keyboard.type('aaaaaaaaaaaaaaaaaaaa'), bob.page.keyboard.type('bbbbbbbbbbbbbbbbbbbb')]);
  const letters = async (lines: Promise<string[]>): Promise<string> => [...(await lines).join('')].sort().join('');
  const all = 'a'.repeat(20) + 'b'.repeat(20);
  await expect.poll(() => letters(alice.lines())).toBe(all);
  await expect.poll(() => letters(bob.lines())).toBe(all);
  expect(await alice.lines()).toEqual(await bob.lines());
});

test('people see the names and the carets of each other, and no longer once somebody leaves', async ({ arrive }) => {
  const [alice, bob] = await Promise.all([arrive('Alice'), arrive('Bob')]);
  const id = await alice.createDocument('Who is here');
  await alice.write('Hello');
  await bob.open(id);
  await bob.reads('Hello');
  await bob.putCaret('Home');
  await alice.putCaret('End');

  await expect(alice.face('Bob')).toBeVisible();
  await expect(bob.face('Alice')).toBeVisible();
  await expect(alice.page.locator('.caret-label')).toHaveText('Bob');
  await expect(bob.page.locator('.caret-label')).toHaveText('Alice');
  await expect(alice.page.getByRole('list', { name: 'People here' }).getByRole('img')).toHaveCount(2);

  await bob.leave();
  await expect(alice.face('Bob')).toHaveCount(0);
  await expect(alice.page.locator('.caret-label')).toHaveCount(0);
});

test('a second tab of the same person is the same person, and both tabs show the same text', async ({ arrive }) => {
  const alice = await arrive('Alice');
  const id = await alice.createDocument('Two tabs');
  await alice.write('From the first tab.');
  const first = alice.page;
  await alice.openTab(id);
  await alice.reads('From the first tab.');
  await alice.write(' From the second.');
  await alice.isSaved();
  await expect(alice.face('Alice (you)')).toHaveCount(1);
  await expect(alice.page.getByRole('list', { name: 'People here' }).getByRole('img')).toHaveCount(1);
  await expect(first.getByRole('textbox', { name: 'Document text' })).toContainText(
    'From the first tab. From the second.',
  );
});

test('formatting, lists, tasks and links arrive at the other side as they were made', async ({ arrive }) => {
  const [alice, bob] = await Promise.all([arrive('Alice'), arrive('Bob')]);
  const id = await alice.createDocument('Formatting');
  await bob.open(id);
  await alice.text.focus();
  const { keyboard } = alice.page;
  await keyboard.type('# Plan\n');
  await keyboard.press('ControlOrMeta+b');
  await keyboard.type('bold');
  await keyboard.press('ControlOrMeta+b');
  await keyboard.type(' and see https://example.org/a now\n');
  await keyboard.type('[ ] first task');
  await keyboard.press('Enter');
  await keyboard.type('second task');

  await expect(bob.text.getByRole('heading', { name: 'Plan', level: 1 })).toBeVisible();
  await expect(bob.text.locator('strong')).toHaveText('bold');
  await expect(bob.text.getByRole('link')).toHaveAttribute('href', 'https://example.org/a');
  await expect(bob.text.getByRole('link')).toHaveAttribute('rel', /noopener/);
  await expect(bob.text.getByRole('checkbox')).toHaveCount(2);
  await bob.text.getByRole('checkbox').first().check();
  await expect(alice.text.getByRole('checkbox').first()).toBeChecked();

  await alice.page.getByRole('button', { name: 'Bullet list' }).click();
  await expect(bob.text.locator('ul:not([data-type])')).toContainText('second task');
  await alice.page.getByRole('button', { name: 'Undo' }).click();
  await expect(bob.text.getByRole('checkbox')).toHaveCount(2);
});

test('plain text documents are written together too', async ({ arrive, server }) => {
  const [alice, bob] = await Promise.all([arrive('Alice'), arrive('Bob')]);
  const id = await alice.createDocument('Notes', { kind: 'Plain text' });
  await bob.open(id);
  await alice.write('one\ntwo');
  await bob.reads('one', 'two');
  await bob.write(' three');
  await alice.reads('one', 'two three');
  await expect(alice.page.locator('.cm-ySelectionInfo')).toHaveText('Bob');
  await bob.isSaved();
  await server.kill();
  await server.launch();
  await alice.page.reload();
  await alice.reads('one', 'two three');
});
