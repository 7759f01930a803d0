/** What the documents page shows when there is no list to show. */

import { Archive, CloudOff, FileText, Plus } from 'lucide';
import type { DocumentInfo } from '../api';
import type { App } from '../app';
import { h, icon } from '../dom';
import { documentRow, type RowActions } from './document-row';

export function emptyList(create: () => void): HTMLElement {
  return h(
    'div',
    { class: 'empty' },
    h('span', { class: 'empty-mark' }, icon(FileText, 26)),
    h('h2', {}, 'No documents yet'),
    h('p', {}, 'Start one and share its link, or paste a link that somebody gave you.'),
    h('button', { type: 'button', class: 'button primary', onclick: create }, icon(Plus), 'Create your first document'),
  );
}

export function emptyArchive(): HTMLElement {
  return h(
    'div',
    { class: 'empty' },
    h('span', { class: 'empty-mark' }, icon(Archive, 26)),
    h('h2', {}, 'The archive is empty'),
    h(
      'p',
      {},
      'Archived documents can be read but not changed. You find \u201cArchive\u201d in the menu of each document.',
    ),
  );
}

/** Who was there when the server last answered may be gone. */
function withoutPeople(document: DocumentInfo): DocumentInfo {
  return { ...document, active_users: [] };
}

/** The server did not answer: what was opened on this device can still be opened. */
export function unreachableList(app: App, reason: string, actions: RowActions, retry: () => void): HTMLElement[] {
  const known = app.recent.all();
  const notice = h(
    'div',
    { class: 'empty' },
    h('span', { class: 'empty-mark' }, icon(CloudOff, 26)),
    h('h2', {}, 'No connection to the server'),
    h('p', {}, known.length > 0 ? `${reason} The documents below are kept on this device and can be opened.` : reason),
    h('button', { type: 'button', class: 'button', onclick: retry }, 'Try again'),
  );
  if (known.length === 0) return [notice];
  const list = h(
    'ul',
    { class: 'document-list' },
    ...known.map((document) => documentRow(app, withoutPeople(document), actions)),
  );
  return [notice, h('section', {}, h('h2', {}, 'On this device'), list)];
}
