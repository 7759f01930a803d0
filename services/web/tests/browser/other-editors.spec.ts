import { type Browser, expect, type Page, test } from '@playwright/test';
import { Client } from '../support/client';
import { TestPages } from '../support/pages';
import { Server } from '../support/server';

let pages: TestPages;
let server: Server;

test.beforeAll(async () => {
  pages = await TestPages.serve();
  server = await Server.start({ allowedOrigins: [pages.origin] });
});

test.afterAll(async () => {
  await server.remove();
  await pages.close();
});

async function openEditor(browser: Browser, file: string, id: string, client: Client): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  const told = new URLSearchParams({
    yjs: server.yjs,
    id,
    token: client.tokens.access_token,
    name: client.tokens.user.name,
  });
  await page.goto(`${pages.origin}/${file}#${told}`);
  await expect(page.locator('#state')).toHaveText('synced');
  return page;
}

test('two CodeMirror editors converge, and their text is saved', async ({ browser }) => {
  const [alice, bob] = await Promise.all([Client.logIn(server.api, 'Alice'), Client.logIn(server.api, 'Bob')]);
  const { id } = await alice.create('CodeMirror', 'text', 'edit');
  const [left, right] = await Promise.all([
    openEditor(browser, 'codemirror.html', id, alice),
    openEditor(browser, 'codemirror.html', id, bob),
  ]);
  const lines = (page: Page): Promise<string[]> =>
    page.locator('.cm-line').evaluateAll((found) =>
      found.map((line) => {
        const copy = line.cloneNode(true) as HTMLElement;
        copy.querySelectorAll('.cm-ySelectionCaret').forEach((caret) => caret.remove());
        return copy.textContent ?? '';
      }),
    );
  await left.locator('.cm-content').click();
  await left.keyboard.type('first\nlast');
  await expect.poll(() => lines(right)).toEqual(['first', 'last']);
  await right.locator('.cm-content').click();
  await right.keyboard.press('ControlOrMeta+Home');
  await Promise.all([left.keyboard.type(' from Alice'), right.keyboard.type('from Bob ')]);
  const both = ['from Bob first', 'last from Alice'];
  await expect.poll(() => lines(left)).toEqual(both);
  await expect.poll(() => lines(right)).toEqual(both);
  await expect(right.locator('.cm-ySelectionInfo')).toHaveText('Alice');
  await expect.poll(async () => (await alice.content(id)).text).toBe(both.join('\n'));

  await server.kill();
  await server.launch();
  expect((await (await Client.logIn(server.api, 'Alice')).content(id)).text).toBe(both.join('\n'));
});

test('two Quill editors converge, with formatting, and their text is saved', async ({ browser }) => {
  const [alice, bob] = await Promise.all([Client.logIn(server.api, 'Alice'), Client.logIn(server.api, 'Bob')]);
  const { id } = await alice.create('Quill', 'text', 'edit');
  const [left, right] = await Promise.all([
    openEditor(browser, 'quill.html', id, alice),
    openEditor(browser, 'quill.html', id, bob),
  ]);
  await left.locator('.ql-editor').click();
  await left.keyboard.type('plain ');
  await left.keyboard.press('ControlOrMeta+b');
  await left.keyboard.type('bold');
  await expect(right.locator('.ql-editor strong')).toHaveText('bold');
  await right.locator('.ql-editor').click();
  await right.keyboard.press('ControlOrMeta+Home');
  await Promise.all([left.keyboard.type(' face'), right.keyboard.type('Bob: ')]);
  for (const page of [left, right]) {
    await expect(page.locator('.ql-editor p').first()).toHaveText('Bob: plain bold face');
    await expect(page.locator('.ql-editor strong')).toHaveText('bold face');
  }
  // Browsers put no-break spaces where a space would be at the edge of an element.
  const text = async (): Promise<string> => (await alice.content(id)).text.replaceAll('\u00a0', ' ').trim();
  await expect.poll(text).toBe('Bob: plain bold face');
});
