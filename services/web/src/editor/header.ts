/** What stands above the text: the way back, title, state, people, sharing, and the rest in a menu. */

import { Archive, ArchiveRestore, Ellipsis, FilePlus, UserRoundPlus } from 'lucide';
import type { Awareness } from 'y-protocols/awareness';
import type { DocumentInfo } from '../api';
import type { App } from '../app';
import { createDocument } from '../dialogs/documents';
import { openSharing } from '../dialogs/share';
import { h, icon } from '../dom';
import { logoMark } from '../logo';
import { menuButton, type MenuItem } from '../menu';
import { addressOfDocument } from '../router';
import { peopleList } from './people';
import type { StateLineView } from './state-line';
import type { Title } from './title';

interface HeaderParts {
  app: App;
  title: Title;
  line: StateLineView;
  awareness: Awareness;
  signal: AbortSignal;
  information: () => DocumentInfo;
  /** Receives the document after it was changed here. */
  changed: (document: DocumentInfo) => void;
  /** Changes the document on the server and shows a failure. */
  change: (action: () => Promise<DocumentInfo>) => void;
}

export function documentHeader(parts: HeaderParts): HTMLElement {
  const { app, title, line, awareness, signal, information } = parts;
  const share = h(
    'button',
    {
      type: 'button',
      class: 'button primary share',
      'aria-label': 'Share',
      onclick: () => void openSharing(app, information(), parts.changed),
    },
    icon(UserRoundPlus, 17),
    h('span', {}, 'Share'),
  );
  return h(
    'div',
    { class: 'document-bar' },
    h(
      'a',
      { href: '/', 'data-page': true, class: 'home', 'aria-label': 'All documents', title: 'All documents' },
      logoMark(32),
    ),
    h('div', { class: 'document-title' }, title.heading, title.input, line.element, line.announcer),
    peopleList(awareness, app.user.id, signal),
    share,
    menuButton(icon(Ellipsis, 20), 'Document menu', 'icon-button', () => headerMenu(parts)),
  );
}

function headerMenu({ app, information, change }: HeaderParts): MenuItem[] {
  const info = information();
  const setState = (state: 'active' | 'archived') => () => change(() => app.documents.change(info.id, { state }));
  const create = async (): Promise<void> => {
    const created = await createDocument(app);
    if (created) app.router.go(addressOfDocument(created.id));
  };
  const items: MenuItem[] = [{ label: 'New document', icon: FilePlus, action: () => void create() }];
  if (info.role !== 'owner') return items;
  if (info.state === 'active') return [...items, { label: 'Archive', icon: Archive, action: setState('archived') }];
  return [...items, { label: 'Unarchive', icon: ArchiveRestore, action: setState('active') }];
}
