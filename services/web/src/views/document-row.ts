/** One document in a list. */

import { Archive, ArchiveRestore, Ellipsis, FileText, FileType, Link2, Pencil, Trash2 } from 'lucide';
import type { DocumentInfo } from '../api';
import { type App, sentenceFor } from '../app';
import { avatar } from '../avatar';
import { deleteDocument, renameDocument } from '../dialogs/documents';
import { openSharing } from '../dialogs/share';
import { h, icon } from '../dom';
import { menuButton, type MenuItem } from '../menu';
import { addressOfDocument } from '../router';
import { ago, counted } from '../wording';

export interface RowActions {
  /** The list must be loaded anew. */
  changed: () => void;
  failed: (sentence: string) => void;
}

/** How many of the people in a document are shown. */
const FACES = 4;

export function documentRow(app: App, shown: DocumentInfo, actions: RowActions): HTMLElement {
  const kept = app.kept.count(shown.id);
  const others = shown.active_users.filter(({ id }) => id !== app.user.id);
  const facts = [`Edited ${ago(new Date(shown.updated_at), new Date())}`, ...roleFacts(app, shown)];
  return h(
    'li',
    { class: 'document-row' },
    h(
      'span',
      { class: 'document-kind', title: kindName(shown.type) },
      icon(shown.type === 'text' ? FileType : FileText, 20),
    ),
    h(
      'div',
      { class: 'document-text' },
      h('a', { href: addressOfDocument(shown.id), 'data-page': true, class: 'document-name' }, shown.name),
      h('p', { class: 'document-facts' }, facts.join(' \u00b7 ')),
    ),
    kept > 0 && h('span', { class: 'badge attention' }, `${counted(kept, 'change')} not uploaded`),
    others.length > 0 &&
      h(
        'span',
        { class: 'faces', title: 'Here now' },
        ...others.slice(0, FACES).map((user) => avatar(user, `${user.name} is here`)),
      ),
    menuButton(icon(Ellipsis, 20), `Actions for ${shown.name}`, 'icon-button', () => rowMenu(app, shown, actions)),
  );
}

function roleFacts(app: App, { role, metadata }: DocumentInfo): string[] {
  const { owner, public: sharing } = metadata.permissions;
  if (owner !== app.user.id) return [`by ${owner}`, role === 'viewer' ? 'you can read' : 'you can edit'];
  if (sharing === 'none')
    return metadata.permissions.editors.length + metadata.permissions.viewers.length > 0
      ? ['shared with people']
      : ['private'];
  return [sharing === 'edit' ? 'anyone with the link can edit' : 'anyone with the link can read'];
}

function rowMenu(app: App, document: DocumentInfo, actions: RowActions): MenuItem[] {
  const setState = (state: 'active' | 'archived'): void => {
    app.documents
      .change(document.id, { state })
      .then(actions.changed, (error: unknown) => actions.failed(sentenceFor(error)));
  };
  const rename = async (): Promise<void> => {
    if (await renameDocument(app, document)) actions.changed();
  };
  const share = async (): Promise<void> => {
    await openSharing(app, document, () => undefined);
    actions.changed();
  };
  const remove = async (): Promise<void> => {
    if (await deleteDocument(app, document)) actions.changed();
  };
  const items: MenuItem[] = [];
  if (document.role !== 'viewer' && document.state === 'active')
    items.push({ label: 'Rename', icon: Pencil, action: () => void rename() });
  items.push({ label: document.role === 'owner' ? 'Share' : 'Copy link', icon: Link2, action: () => void share() });
  if (document.role !== 'owner') return items;
  if (document.state === 'active')
    return [...items, { label: 'Archive', icon: Archive, action: () => setState('archived') }];
  return [
    ...items,
    { label: 'Unarchive', icon: ArchiveRestore, action: () => setState('active') },
    { label: 'Delete', icon: Trash2, danger: true, action: () => void remove() },
  ];
}

function kindName(type: string): string {
  const names: Record<string, string> = { text: 'Plain text', richtext: 'Rich text', whiteboard: 'Whiteboard', canvas: 'Canvas', sheet: 'Sheet' };
  return names[type] ?? type;
}
