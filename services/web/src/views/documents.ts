/** The documents page: one's own and shared documents, those joined by a link, and the archive. */

import { LogOut, Plus } from 'lucide';
import type { DocumentInfo } from '../api';
import { type App, sentenceFor, type View } from '../app';
import { avatar } from '../avatar';
import { confirmLogOut, createDocument } from '../dialogs/documents';
import { fill, h, icon } from '../dom';
import { documentIdFrom } from '../links';
import { logo } from '../logo';
import { menuButton } from '../menu';
import { addressOfDocument } from '../router';
import { removeCopies } from '../sync/offline-store';
import { documentRow, type RowActions } from './document-row';
import { emptyArchive, emptyList, unreachableList } from './documents-empty';

type Tab = 'active' | 'archived';

export function documentsView(app: App): View {
  document.title = 'Documents - AetherFlow';
  const heading = h('h1', { tabindex: '-1' }, 'Documents');
  const content = h('div', { class: 'lists', 'aria-live': 'polite', 'aria-busy': 'true' });
  const page = new AbortController();
  let tab: Tab = 'active';

  const create = async (): Promise<void> => {
    const created = await createDocument(app);
    if (created) app.router.go(addressOfDocument(created.id));
  };
  const actions: RowActions = { changed: () => void refresh(), failed: (text) => fill(notice, text) };
  const notice = h('p', { class: 'field-error', role: 'alert' });

  async function refresh(): Promise<void> {
    const wanted = tab;
    try {
      const lists = await loadLists(app, wanted);
      if (page.signal.aborted || wanted !== tab) return;
      fill(notice);
      fill(content, ...showLists(app, lists, wanted, actions, () => void create()));
    } catch (error) {
      if (page.signal.aborted || wanted !== tab) return;
      fill(content, ...unreachableList(app, sentenceFor(error), actions, () => void refresh()));
    }
    content.setAttribute('aria-busy', 'false');
  }

  const tabs = h(
    'div',
    { class: 'tabs', role: 'group', 'aria-label': 'Which documents' },
    ...(['active', 'archived'] as const).map((name) => {
      const select = (): void => {
        tab = name;
        for (const button of tabs.querySelectorAll('button'))
          button.setAttribute('aria-pressed', String(button.dataset['tab'] === name));
        void refresh();
      };
      return h(
        'button',
        { type: 'button', 'data-tab': name, 'aria-pressed': String(name === tab), onclick: select },
        name === 'active' ? 'Active' : 'Archived',
      );
    }),
  );
  const element = h(
    'div',
    { class: 'page' },
    h(
      'header',
      { class: 'page-bar' },
      h('a', { href: '/', 'data-page': true, class: 'home', 'aria-label': 'AetherFlow' }, logo()),
      accountMenu(app),
    ),
    h(
      'main',
      { class: 'documents' },
      h(
        'div',
        { class: 'documents-head' },
        heading,
        h(
          'button',
          { type: 'button', class: 'button primary', onclick: () => void create() },
          icon(Plus),
          'New document',
        ),
      ),
      h('div', { class: 'documents-tools' }, tabs, joinForm(app)),
      notice,
      content,
    ),
  );
  const refreshWhenVisible = (): void => {
    if (document.visibilityState === 'visible') void refresh();
  };
  document.addEventListener('visibilitychange', refreshWhenVisible, { signal: page.signal });
  window.addEventListener('online', refreshWhenVisible, { signal: page.signal });
  void refresh();
  return { element, focus: heading, close: () => page.abort() };
}

interface Lists {
  own: DocumentInfo[];
  next: string | null;
  /** Documents of others that were opened by a link on this device. */
  joined: DocumentInfo[];
}

async function loadLists(app: App, tab: Tab): Promise<Lists> {
  const first = await app.documents.list(tab, null);
  return { own: first.documents, next: first.next_cursor, joined: await joinedDocuments(app, first.documents, tab) };
}

/** Asks the server about the remembered documents that are not in the list; forgets those that are gone. */
async function joinedDocuments(app: App, listed: DocumentInfo[], tab: Tab): Promise<DocumentInfo[]> {
  const known = new Set(listed.map(({ id }) => id));
  const isNamed = ({ metadata: { permissions } }: DocumentInfo): boolean =>
    permissions.owner === app.user.id ||
    permissions.editors.includes(app.user.id) ||
    permissions.viewers.includes(app.user.id);
  const candidates = app.recent.all().filter((document) => !known.has(document.id) && !isNamed(document));
  const answers = await Promise.allSettled(candidates.map(({ id }) => app.documents.read(id)));
  const found: DocumentInfo[] = [];
  for (const [index, answer] of answers.entries()) {
    const id = candidates[index]?.id ?? '';
    if (answer.status === 'fulfilled') {
      app.recent.changed(answer.value);
      if (answer.value.state === tab && !isNamed(answer.value)) found.push(answer.value);
    } else if (app.kept.count(id) === 0 && Reflect.get(answer.reason as object, 'status') === 404) {
      app.recent.forget(id);
    }
  }
  return found;
}

function showLists(app: App, lists: Lists, tab: Tab, actions: RowActions, create: () => void): Node[] {
  if (lists.own.length === 0 && lists.joined.length === 0)
    return [tab === 'active' ? emptyList(create) : emptyArchive()];
  const sections: Node[] = [];
  if (lists.own.length > 0)
    sections.push(section(app, 'Yours and shared with you', lists.own, lists.next, tab, actions));
  if (lists.joined.length > 0) sections.push(section(app, 'Recently joined by link', lists.joined, null, tab, actions));
  return sections;
}

function section(
  app: App,
  title: string,
  documents: DocumentInfo[],
  next: string | null,
  tab: Tab,
  actions: RowActions,
): HTMLElement {
  const list = h('ul', { class: 'document-list' }, ...documents.map((document) => documentRow(app, document, actions)));
  const element = h('section', {}, h('h2', {}, title), list);
  let cursor = next;
  if (cursor === null) return element;
  const more = h('button', { type: 'button', class: 'button wide' }, 'Show more');
  more.addEventListener('click', () => {
    app.documents.list(tab, cursor).then(
      (following) => {
        list.append(...following.documents.map((document) => documentRow(app, document, actions)));
        cursor = following.next_cursor;
        if (cursor === null) more.remove();
      },
      (error: unknown) => actions.failed(sentenceFor(error)),
    );
  });
  element.append(more);
  return element;
}

function joinForm(app: App): HTMLElement {
  const input = h('input', {
    type: 'text',
    placeholder: 'Paste a link or an id',
    'aria-label': 'Link or id of a document',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const failure = h('p', { class: 'field-error', role: 'alert', hidden: true });
  const onsubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    const id = documentIdFrom(input.value);
    failure.hidden = id !== null;
    if (id !== null) return app.router.go(addressOfDocument(id));
    failure.textContent =
      'That is not a link to a document. Copy it with \u201cShare\u201d in the document and paste it here.';
    input.focus();
  };
  return h(
    'form',
    { class: 'join', onsubmit, novalidate: true },
    h('div', { class: 'join-row' }, input, h('button', { type: 'submit', class: 'button' }, 'Join')),
    failure,
  );
}

function accountMenu(app: App): HTMLElement {
  const logOut = async (): Promise<void> => {
    const unsaved = app.kept.documents().length;
    if (unsaved > 0) {
      await confirmLogOut(unsaved, () => app.session.logOut());
      return;
    }
    // Everything is on the server: leave nothing readable on this device.
    app.recent.clear();
    await removeCopies(app.user.id).catch(() => undefined);
    await app.session.logOut();
  };
  const face = h('span', { class: 'account' }, avatar(app.user), h('span', { class: 'account-name' }, app.user.name));
  return menuButton(face, `Account of ${app.user.name}`, 'account-button', () => [
    { label: 'Log out', icon: LogOut, action: () => void logOut() },
  ]);
}
