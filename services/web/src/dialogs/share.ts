/** The sharing dialog: the link, what it allows, and the people by name. */

import { Check, Link2, X } from 'lucide';
import type { App } from '../app';
import { sentenceFor } from '../app';
import type { DocumentChange, DocumentInfo, Sharing } from '../api';
import { avatar } from '../avatar';
import { fill, h, icon, iconButton } from '../dom';
import { userIdFromName } from '../identity';
import { linkToDocument } from '../router';
import { openDialog } from './dialog';
import { SHARING_OPTIONS } from './documents';

/** Shows how a document is shared; its owner can change that. `changed` receives each new state. */
export async function openSharing(
  app: App,
  shown: DocumentInfo,
  changed: (document: DocumentInfo) => void,
): Promise<void> {
  let document = shown;
  const isOwner = document.role === 'owner';
  const failure = h('p', { class: 'field-error', role: 'alert', hidden: true });
  const people = h('ul', { class: 'people' });

  const apply = async (change: DocumentChange): Promise<void> => {
    failure.hidden = true;
    try {
      document = await app.documents.change(document.id, change);
      changed(document);
    } catch (error) {
      failure.textContent = sentenceFor(error);
      failure.hidden = false;
    }
    showPeople();
  };
  const access = (): { editors: string[]; viewers: string[] } => {
    const { editors, viewers } = document.metadata.permissions;
    return { editors: [...editors], viewers: [...viewers] };
  };
  const remove = (id: string): Promise<void> => {
    const { editors, viewers } = access();
    return apply({
      editors: editors.filter((other) => other !== id),
      viewers: viewers.filter((other) => other !== id),
    });
  };
  const add = (id: string, role: 'editors' | 'viewers'): Promise<void> => {
    const lists = access();
    const without = {
      editors: lists.editors.filter((other) => other !== id),
      viewers: lists.viewers.filter((other) => other !== id),
    };
    without[role].push(id);
    return apply(without);
  };
  const row = (id: string, role: string, removable: boolean): HTMLElement =>
    h(
      'li',
      {},
      avatar({ id, name: id }),
      h('span', { class: 'person-name' }, id === app.user.id ? `${id} (you)` : id),
      h('span', { class: 'muted' }, role),
      removable && iconButton(X, `Remove ${id}`, () => void remove(id)),
    );
  function showPeople(): void {
    const { owner, editors, viewers } = document.metadata.permissions;
    fill(
      people,
      row(owner, 'Owner', false),
      ...editors.map((id) => row(id, 'Can edit', isOwner)),
      ...viewers.map((id) => row(id, 'Can read', isOwner)),
    );
  }
  showPeople();
  await openDialog({
    title: 'Share',
    body: [
      linkRow(document.id),
      accessSection(document, isOwner, apply),
      ...(isOwner ? [addForm(add)] : []),
      people,
      failure,
    ],
  });
}

function linkRow(id: string): HTMLElement {
  const link = linkToDocument(id);
  const field = h('input', {
    type: 'text',
    readonly: true,
    value: link,
    'aria-label': 'Link to this document',
    onfocus: () => field.select(),
  });
  const label = h('span', {}, 'Copy link');
  const button = h('button', { type: 'button', class: 'button primary', 'data-first': true }, icon(Link2, 16), label);
  button.addEventListener('click', () => {
    const copied = (): void => {
      label.textContent = 'Copied';
      button.firstElementChild?.replaceWith(icon(Check, 16));
    };
    // Outside of secure contexts there is no clipboard: select the link, so that one key copies it.
    if (navigator.clipboard) void navigator.clipboard.writeText(link).then(copied, () => field.select());
    else field.select();
  });
  return h('div', { class: 'link-row' }, field, button);
}

function accessSection(
  document: DocumentInfo,
  isOwner: boolean,
  apply: (change: DocumentChange) => Promise<void>,
): HTMLElement {
  const current = document.metadata.permissions.public;
  if (!isOwner) {
    const option = SHARING_OPTIONS.find(({ value }) => value === current);
    return h('p', { class: 'muted' }, `${option?.label ?? 'Private'}. Only the owner can change who has access.`);
  }
  const select = h(
    'select',
    { onchange: () => void apply({ public: select.value as Sharing }) },
    ...SHARING_OPTIONS.map(({ value, label }) => h('option', { value, selected: value === current }, label)),
  );
  return h('label', { class: 'field' }, h('span', {}, 'Who can open the link'), select);
}

function addForm(add: (id: string, role: 'editors' | 'viewers') => Promise<void>): HTMLElement {
  const name = h('input', {
    type: 'text',
    autocomplete: 'off',
    placeholder: 'Name',
    'aria-label': 'Name of the person',
    maxlength: '60',
  });
  const role = h(
    'select',
    { 'aria-label': 'What the person may do' },
    h('option', { value: 'editors' }, 'Can edit'),
    h('option', { value: 'viewers' }, 'Can read'),
  );
  const submit = (): void => {
    const id = userIdFromName(name.value);
    if (id === '') return name.focus();
    void add(id, role.value === 'viewers' ? 'viewers' : 'editors').then(() => {
      name.value = '';
      name.focus();
    });
  };
  name.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    submit();
  });
  return h(
    'div',
    { class: 'field' },
    h('span', {}, 'Add people by name'),
    h(
      'div',
      { class: 'add-person' },
      name,
      role,
      h('button', { type: 'button', class: 'button', onclick: submit }, 'Add'),
    ),
  );
}
