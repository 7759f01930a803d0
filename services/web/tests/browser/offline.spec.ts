import { expect, test } from '../support/fixtures';

test('edits made offline survive a closed tab and are uploaded later', async ({ arrive, arriveOverLine }) => {
  const { person: alice, line } = await arriveOverLine('Alice');
  const id = await alice.createDocument('Train');
  await alice.write('At the station.');
  await alice.isSaved();
  await line.cut();
  await expect(alice.stateLine).toHaveText(/^Offline/);
  await alice.write(' In the tunnel.');
  await expect(alice.stateLine).toHaveText('Offline \u2013 15 changes kept on this device');
  await alice.page.close();

  await line.restore();
  await alice.openTab(id);
  await alice.reads('At the station. In the tunnel.');
  await alice.isSaved();
  const bob = await arrive('Bob');
  await bob.open(id);
  await bob.reads('At the station. In the tunnel.');
});

test('the page opens without a network, with what is on this device', async ({ arriveOverLine }) => {
  const { person: alice, line } = await arriveOverLine('Alice');
  const id = await alice.createDocument('Mountain hut');
  await alice.write('In the valley.');
  await alice.isSaved();
  await alice.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await line.cut();
  await alice.write(' On the way.');
  await expect(alice.stateLine).toHaveText('Offline \u2013 12 changes kept on this device');
  await alice.page.close();

  await alice.openTab(id);
  await alice.reads('In the valley. On the way.');
  await expect(alice.stateLine).toHaveText('Offline \u2013 12 changes kept on this device');
  await alice.write(' At the top.');
  await expect(alice.stateLine).toHaveText('Offline \u2013 24 changes kept on this device');
  await alice.page.getByRole('link', { name: 'All documents' }).click();
  await expect(alice.page.getByText('No connection to the server')).toBeVisible();
  await expect(alice.page.getByRole('listitem').filter({ hasText: 'Mountain hut' })).toContainText(
    '24 changes not uploaded',
  );
  await alice.page.getByRole('link', { name: 'Mountain hut' }).click();
  await alice.reads('In the valley. On the way. At the top.');

  await line.restore();
  await alice.isSaved();
  await alice.page.getByRole('link', { name: 'All documents' }).click();
  await expect(alice.page.getByRole('listitem').filter({ hasText: 'Mountain hut' })).not.toContainText('not uploaded');
});

test('the browser going offline is noticed at once, and its return too', async ({ arrive }) => {
  const alice = await arrive('Alice');
  await alice.createDocument('Aeroplane mode');
  await alice.write('Landed.');
  await alice.isSaved();
  await alice.context.setOffline(true);
  await expect(alice.stateLine).toHaveText(/^Offline/);
  await alice.write(' Took off.');
  await alice.context.setOffline(false);
  await alice.isSaved();
  await alice.reads('Landed. Took off.');
});

test('what one tab kept offline goes up with another tab', async ({ arrive, arriveOverLine }) => {
  const { person: alice, line } = await arriveOverLine('Alice');
  const id = await alice.createDocument('Tabs');
  await alice.write('Base.');
  await alice.isSaved();
  const first = alice.page;
  const second = await alice.openTab(id);
  await alice.isSaved();
  await line.cut();
  await expect(alice.stateLine).toHaveText(/^Offline/);
  await alice.write(' Kept.');
  await expect(alice.stateLine).toHaveText('Offline \u2013 6 changes kept on this device');
  await second.close();
  alice.page = first;
  await line.restore();
  await alice.isSaved();
  await alice.reads('Base. Kept.');
  const bob = await arrive('Bob');
  await bob.open(id);
  await bob.reads('Base. Kept.');
});
