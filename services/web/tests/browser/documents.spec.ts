import { expect, test } from '../support/fixtures';

test('somebody without a name is asked for one, and a name that the server refuses is explained', async ({
  page,
  server,
}) => {
  await page.goto(server.url);
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByRole('alert')).toContainText('Please enter your name');
  await page.getByLabel('Your name').fill('\u202e\u200b');
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByRole('alert')).toContainText('Please enter your name');
  await page.getByLabel('Your name').fill('x'.repeat(200));
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByRole('alert')).toContainText('characters');
  await expect(page.getByRole('heading', { name: 'Documents', exact: true })).toHaveCount(0);
  await page.getByLabel('Your name').fill('Alice');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Documents', exact: true })).toBeVisible();
});

test('a link to a document leads there after the login', async ({ arrive, browser, server }) => {
  const alice = await arrive('Alice');
  const id = await alice.createDocument('Invitation');
  await alice.write('Welcome.');
  await alice.isSaved();
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${server.url}/#/d/${id}`);
  await page.getByLabel('Your name').fill('Bob');
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByRole('textbox', { name: 'Document text' })).toContainText('Welcome.');
  expect(new URL(page.url()).pathname).toBe(`/d/${id}`);
  await context.close();
});

test('documents are listed, renamed, archived, found again and deleted', async ({ arrive }) => {
  const alice = await arrive('Alice');
  const { page } = alice;
  await expect(page.getByText('No documents yet')).toBeVisible();
  await alice.createDocument('First', { sharing: 'Private' });
  await page.getByRole('link', { name: 'All documents' }).click();
  const row = page.getByRole('listitem').filter({ hasText: 'First' });
  await expect(row).toContainText('private');

  await page.getByRole('button', { name: 'Actions for First' }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Renamed');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('link', { name: 'Renamed' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'First' })).toHaveCount(0);

  await page.getByRole('button', { name: 'Actions for Renamed' }).click();
  await page.getByRole('menuitem', { name: 'Archive' }).click();
  await expect(page.getByText('No documents yet')).toBeVisible();
  await page.getByRole('button', { name: 'Archived' }).click();
  await expect(page.getByRole('link', { name: 'Renamed' })).toBeVisible();
  await page.getByRole('button', { name: 'Actions for Renamed' }).click();
  await page.getByRole('menuitem', { name: 'Unarchive' }).click();
  await expect(page.getByText('The archive is empty')).toBeVisible();
  await page.getByRole('button', { name: 'Active' }).click();
  await expect(page.getByRole('link', { name: 'Renamed' })).toBeVisible();

  await page.getByRole('button', { name: 'Actions for Renamed' }).click();
  await page.getByRole('menuitem', { name: 'Archive' }).click();
  await expect(page.getByText('No documents yet')).toBeVisible();
  await page.getByRole('button', { name: 'Archived' }).click();
  await page.getByRole('button', { name: 'Actions for Renamed' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete for everybody' }).click();
  await expect(page.getByText('The archive is empty')).toBeVisible();
});

test('the title is renamed where it stands, and the others see it', async ({ arrive }) => {
  const [alice, bob] = await Promise.all([arrive('Alice'), arrive('Bob')]);
  const id = await alice.createDocument('Working title');
  await bob.open(id);
  await bob.isSaved();
  await alice.title.fill('Final title');
  await alice.title.press('Enter');
  await expect(alice.page).toHaveTitle('Final title - AetherFlow');
  await expect(bob.title).toHaveValue('Final title');
  await bob.title.fill('Bob thinks otherwise');
  await bob.title.press('Escape');
  await expect(bob.title).toHaveValue('Final title');
  await alice.title.fill('   ');
  await alice.title.press('Enter');
  await expect(alice.title).toHaveValue('Final title');
});

test('a document is joined by pasting its link or its id', async ({ arrive }) => {
  const [alice, bob] = await Promise.all([arrive('Alice'), arrive('Bob')]);
  const id = await alice.createDocument('Open house');
  await alice.write('Come in.');
  await alice.isSaved();
  const field = bob.page.getByLabel('Link or id of a document');
  await field.fill('not a link');
  await bob.page.getByRole('button', { name: 'Join' }).click();
  await expect(bob.page.getByText('That is not a link to a document.')).toBeVisible();
  await field.fill(id);
  await bob.page.getByRole('button', { name: 'Join' }).click();
  await bob.reads('Come in.');
  await bob.page.getByRole('link', { name: 'All documents' }).click();
  const joined = bob.page.getByRole('listitem').filter({ hasText: 'Open house' });
  await expect(joined).toContainText('by alice');
  await expect(joined.getByRole('img', { name: 'Alice is here' })).toBeVisible();
  await field.fill(alice.page.url());
  await bob.page.keyboard.press('Enter');
  await bob.reads('Come in.');
});

test('a document that does not exist and one that is not shared look the same', async ({ arrive, server }) => {
  const [alice, bob] = await Promise.all([arrive('Alice'), arrive('Bob')]);
  const id = await alice.createDocument('Diary', { sharing: 'Private' });
  for (const unknown of [id, '01890a5d-ac96-774b-bcce-b302099a8057']) {
    await bob.page.goto(`${server.url}/d/${unknown}`);
    await expect(bob.page.getByRole('heading', { name: 'Document not found' })).toBeVisible();
  }
  await bob.page.goto(`${server.url}/somewhere`);
  await expect(bob.page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible();
  await bob.page.getByRole('link', { name: 'Go to your documents' }).click();
  await expect(bob.page.getByText('No documents yet')).toBeVisible();
});

test('logging out ends the session and leaves no document behind on the device', async ({ arrive }) => {
  const alice = await arrive('Alice');
  await alice.createDocument('Confidential');
  await alice.write('Secret.');
  await alice.isSaved();
  await alice.page.getByRole('link', { name: 'All documents' }).click();
  await alice.page.getByRole('button', { name: 'Account of Alice' }).click();
  await alice.page.getByRole('menuitem', { name: 'Log out' }).click();
  await expect(alice.page.getByLabel('Your name')).toBeVisible();
  const left = async (): Promise<string[]> =>
    alice.page.evaluate(async () =>
      (await indexedDB.databases()).map(({ name }) => name ?? '').filter((name) => name.includes('alice')),
    );
  await expect.poll(left).toEqual([]);
  expect(await alice.page.evaluate(() => JSON.stringify(localStorage))).not.toContain('Confidential');
});
