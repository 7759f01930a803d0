import type { Page } from '@playwright/test';
import WebSocket from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { Client } from '../support/client';
import { expect, test } from '../support/fixtures';
import type { Server } from '../support/server';

const MARKUP = '<img src=x onerror="window.attacked=1">';

/** Collects what only an attack could cause: dialogs, a mark in the window, and errors of the page itself. */
async function watch(page: Page): Promise<() => Promise<unknown[]>> {
  const signs: unknown[] = [];
  page.on('dialog', (dialog) => {
    signs.push(dialog.message());
    void dialog.dismiss();
  });
  page.on('pageerror', (error) => signs.push(error.message));
  return async () => [...signs, ...(await page.evaluate(() => (Reflect.has(window, 'attacked') ? ['attacked'] : [])))];
}

async function hostileClient(server: Server, name: string, id: string): Promise<WebsocketProvider> {
  const client = await Client.logIn(server.api, name);
  return new WebsocketProvider(server.yjs, id, new Y.Doc(), {
    disableBc: true,
    protocols: ['aetherflow.yjs', `bearer.${client.tokens.access_token}`],
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
  });
}

test('markup in names and titles stays text everywhere', async ({ arrive, page, server }) => {
  const alice = await arrive('Alice');
  const signs = await watch(alice.page);
  const id = await alice.createDocument(MARKUP);
  await expect(alice.title).toHaveValue(MARKUP);
  const hostile = await hostileClient(server, 'Mallory', id);
  hostile.awareness.setLocalStateField('user', { id: MARKUP, name: MARKUP, color: 'red;background:url(x)' });
  await expect(alice.face(MARKUP)).toBeVisible();
  await alice.page.getByRole('button', { name: 'Share' }).click();
  await alice.page.getByLabel('Name of the person').fill('<b>x</b>');
  await alice.page.getByRole('button', { name: 'Add', exact: true }).click();
  await alice.page.getByRole('button', { name: 'Done' }).click();
  await alice.page.getByRole('link', { name: 'All documents' }).click();
  await expect(alice.page.getByRole('link', { name: MARKUP })).toBeVisible();
  await alice.page.getByRole('button', { name: `Actions for ${MARKUP}` }).click();
  await alice.page.getByRole('menuitem', { name: 'Rename' }).click();
  await alice.page.getByRole('textbox', { name: 'Name', exact: true }).fill(`${MARKUP}${MARKUP}`);
  await alice.page.keyboard.press('Enter');
  await expect(alice.page.getByRole('link', { name: `${MARKUP}${MARKUP}` })).toBeVisible();
  expect(await alice.page.locator('img').count()).toBe(0);
  expect(await signs()).toEqual([]);
  hostile.destroy();

  const loginSigns = await watch(page);
  await page.goto(server.url);
  await page.getByLabel('Your name').fill('<img src=x onerror=attacked=1>');
  await page.getByRole('button', { name: 'Continue' }).click();
  // The server may refuse such a name or take it: it is text in both cases.
  await expect(page.getByRole('alert').or(page.getByRole('button', { name: /^Account of <img/ }))).toBeVisible();
  expect(await page.locator('img').count()).toBe(0);
  expect(await loginSigns()).toEqual([]);
});

test('links in a document cannot run code, and lead only to the web or to mail', async ({ arrive, server }) => {
  const alice = await arrive('Alice');
  const signs = await watch(alice.page);
  const id = await alice.createDocument('Links');
  await alice.isSaved();
  const hostile = await hostileClient(server, 'Mallory', id);
  await new Promise<void>((resolve) => hostile.once('sync', () => resolve()));
  const paragraph = new Y.XmlElement('paragraph');
  const text = new Y.XmlText();
  paragraph.insert(0, [text]);
  hostile.doc.getXmlFragment('default').insert(0, [paragraph]);
  const addresses = [
    'javascript:window.attacked=1',
    'JaVa\nScript:window.attacked=1',
    'data:text/html,x',
    '/relative',
    'https://example.org/',
  ];
  for (const [index, href] of addresses.entries()) {
    text.insert(text.length, `link${index}`, { link: { href, class: 'menu', target: '_self' } });
    text.insert(text.length, ' ', { link: null });
  }
  await expect(alice.text).toContainText('link4');
  await expect(alice.text.locator('a')).toHaveCount(1);
  const link = alice.text.getByRole('link');
  await expect(link).toHaveAttribute('href', 'https://example.org/');
  await expect(link).toHaveAttribute('target', '_blank');
  expect(await link.getAttribute('class')).toBeNull();
  await alice.text.getByText('link0').click();

  await alice.putCaret('End');
  await alice.page.getByRole('button', { name: 'Link', exact: true }).click();
  const address = alice.page.getByLabel('Address of the link');
  await address.fill('javascript:window.attacked=1');
  await address.press('Enter');
  await expect(address).toHaveAttribute('aria-invalid', 'true');
  await address.fill('example.com/page');
  await address.press('Enter');
  await expect(alice.text.locator('a[href="https://example.com/page"]')).toBeVisible();
  expect(await signs()).toEqual([]);
  hostile.destroy();
});

test('presence of any shape breaks nobody', async ({ arrive, server }) => {
  const alice = await arrive('Alice');
  const signs = await watch(alice.page);
  const id = await alice.createDocument('Presence');
  const plain = await (await Client.logIn(server.api, 'Alice')).create('Plain', 'text', 'edit');
  const states = [
    { user: 'text', cursor: 5 },
    { user: 7, cursor: { anchor: {}, head: null } },
    {
      user: { name: 5, color: {} },
      cursor: { anchor: { type: 'x', item: { client: 'a' } }, head: { tname: 'elsewhere' } },
    },
    { user: { name: 'x'.repeat(5_000), color: 'transparent' }, detailsChanged: 'soon' },
    { user: { id: 'mallory', name: 'Mallory' }, cursor: { anchor: { tname: 'content' }, head: { tname: 'default' } } },
  ];
  for (const target of [id, plain.id]) {
    await alice.open(target);
    await alice.isSaved();
    const hostile = await hostileClient(server, 'Mallory', target);
    for (const state of states) hostile.awareness.setLocalState(state);
    await expect(alice.face('Mallory')).toBeVisible();
    await alice.write('still working');
    await alice.isSaved();
    await alice.reads('still working');
    hostile.destroy();
    await expect(alice.face('Mallory')).toHaveCount(0);
  }
  expect(await signs()).toEqual([]);
});
