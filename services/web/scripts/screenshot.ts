/** Makes the picture in docs/images from the real server: two people in one document. */

import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Person } from '../tests/support/person';
import { expect, test } from '../tests/support/fixtures';

const IMAGES = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const VIEW = { viewport: { width: 1600, height: 1000 }, deviceScaleFactor: 1.5 };

/** Lines as they are typed; the editor makes headings and lists of them. */
const TEXT = [
  '# Harbour light festival',
  'Planning notes for the weekend of the 12th. Everybody can write here ==at the same time==, and when the train goes through a tunnel, just keep writing.',
  '## What is settled',
  '- The **ferry pier** is ours from Friday noon',
  'Three boats carry the lanterns, a fourth one the choir',
  'Power comes from shore: `32 A` at both ends of the pier',
  '',
  '## To do',
  '[ ] Ask the harbour master about the tide on Saturday',
  'Borrow twelve life jackets from the sailing school',
  'Draw the map for the programme',
  '',
  '> Lights go out at eleven, and the fish want to sleep.',
];

test('two people in one document', async ({ browser, server }) => {
  const alice = await Person.arrive(browser, server.url, 'Alice Moreau', { ...VIEW, colorScheme: 'light' });
  const bram = await Person.arrive(browser, server.url, 'Bram Okafor', { ...VIEW, colorScheme: 'dark' });
  const id = await alice.createDocument('Harbour light festival');
  await alice.text.focus();
  for (const [index, line] of TEXT.entries()) {
    if (index > 0) await alice.page.keyboard.press('Enter');
    await alice.page.keyboard.type(line);
  }
  await alice.page.getByRole('checkbox').nth(1).check();
  await bram.open(id);
  await bram.text.getByText('is ours from Friday noon').click();
  await bram.page.keyboard.press('End');
  await bram.page.keyboard.type(', confirmed');
  await alice.text.getByText('Draw the map for the programme', { exact: true }).click();
  await alice.page.keyboard.press('End');
  await alice.page.keyboard.type(' and print it');
  await bram.text.getByText('is ours from Friday noon').click();
  await bram.page.keyboard.press('End');

  await expect(alice.face('Bram Okafor')).toBeVisible();
  await expect(bram.face('Alice Moreau')).toBeVisible();
  for (const [person, other] of [
    [alice, 'Bram Okafor'],
    [bram, 'Alice Moreau'],
  ] as const) {
    await expect(person.page.locator('.caret-label')).toHaveText(other);
    await person.isSaved();
    await person.page.evaluate(() => window.scrollTo(0, 0));
    // The mouse out of the way, so that nothing is shown as pointed at.
    await person.page.mouse.move(4, 990);
  }
  await mkdir(IMAGES, { recursive: true });
  await alice.page.screenshot({ path: `${IMAGES}editor.png` });
  await bram.page.screenshot({ path: `${IMAGES}editor-dark.png` });
});
