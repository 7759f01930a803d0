/** Dialogs about a document: create, rename, delete. */

import type { App } from '../app';
import type { DocumentInfo, DocumentType, Sharing } from '../api';
import { h } from '../dom';
import { choice, confirmDanger, openDialog, textField } from './dialog';

/** The longest name of a document that can be typed, in characters. */
export const NAME_LIMIT = 120;

export const SHARING_OPTIONS: readonly { value: Sharing; label: string; hint: string }[] = [
  { value: 'none', label: 'Private', hint: 'Only you and the people you add' },
  { value: 'view', label: 'Anyone with the link can read', hint: 'Nobody else can change it' },
  { value: 'edit', label: 'Anyone with the link can edit', hint: 'Best for writing together' },
];

const TYPE_OPTIONS: readonly { value: DocumentType; label: string; hint: string }[] = [
  { value: 'richtext', label: 'Rich text', hint: 'Headings, lists, links' },
  { value: 'text', label: 'Plain text', hint: 'Just characters' },
];

/** Asks for the details of a new document and creates it; null if the person changed their mind. */
export async function createDocument(app: App): Promise<DocumentInfo | null> {
  let created: DocumentInfo | null = null;
  const name = textField('Name', { maxlength: String(NAME_LIMIT), placeholder: 'Untitled', 'data-first': true });
  const type = choice('Kind', 'type', TYPE_OPTIONS, 'richtext');
  const sharing = choice('Who can open it', 'sharing', SHARING_OPTIONS, 'none');
  type.element.classList.add('side-by-side');
  await openDialog({
    title: 'New document',
    body: [name.element, type.element, sharing.element],
    submit: {
      label: 'Create',
      action: async () => {
        created = await app.documents.create(name.input.value.trim() || 'Untitled', type.value(), sharing.value());
      },
    },
  });
  return created;
}

/** Asks for a new name; null if it stays as it is. */
export async function renameDocument(app: App, document: DocumentInfo): Promise<DocumentInfo | null> {
  let renamed: DocumentInfo | null = null;
  const name = textField('Name', { maxlength: String(NAME_LIMIT), value: document.name, 'data-first': true });
  await openDialog({
    title: 'Rename document',
    body: [name.element],
    submit: {
      label: 'Rename',
      action: async () => {
        const wanted = name.input.value.trim();
        if (wanted === '') throw new Error('Please give the document a name.');
        renamed = await app.documents.change(document.id, { name: wanted });
      },
    },
  });
  return renamed;
}

/** Deletes after asking; resolves to whether it is gone. */
export function deleteDocument(app: App, document: DocumentInfo): Promise<boolean> {
  return confirmDanger(
    'Delete this document?',
    `\u201c${document.name}\u201d will be gone for everybody. This cannot be undone.`,
    'Delete for everybody',
    () => app.documents.remove(document.id),
  );
}

/** Asks before logging out with changes that are only on this device. */
export function confirmLogOut(count: number, action: () => Promise<void>): Promise<boolean> {
  return openDialog({
    title: 'Log out with unsaved changes?',
    body: [
      h(
        'p',
        {},
        `${count === 1 ? 'One document has' : `${count} documents have`} changes that the server does not have yet. ` +
          'They stay on this device and are uploaded when you log in here again and open the document.',
      ),
    ],
    submit: { label: 'Log out', action },
  });
}
