/** The rich text editor: TipTap on the Yjs fragment "default". */

import { Editor, Extension } from '@tiptap/core';
import { Collaboration, isChangeOrigin } from '@tiptap/extension-collaboration';
import { CollaborationCaret } from '@tiptap/extension-collaboration-caret';
import { Highlight } from '@tiptap/extension-highlight';
import { TaskItem, TaskList } from '@tiptap/extension-list';
import { Placeholder } from '@tiptap/extensions';
import StarterKit from '@tiptap/starter-kit';
import type { WebsocketProvider } from 'y-websocket';
import type * as Y from 'yjs';
import { h } from '../dom';
import type { DocumentEditor } from './document-editor';
import { renderCaret, renderSelection } from './caret';
import { LinkBar } from './link-bar';
import { SafeLink } from './safe-link';
import { richTextToolbar } from './toolbar';

/** Keeps this client from "improving" what others typed: only their own client turns their addresses into links. */
const RemoteChangesAsTheyAre = Extension.create({
  name: 'remoteChangesAsTheyAre',
  dispatchTransaction({ transaction, next }) {
    if (isChangeOrigin(transaction)) transaction.setMeta('preventAutolink', true);
    next(transaction);
  },
});

export function richTextEditor(content: Y.Doc, provider: WebsocketProvider, editable: boolean): DocumentEditor {
  const mount = h('div', { class: 'rich-text' });
  let linkBar: LinkBar | null = null;
  const Shortcuts = Extension.create({
    name: 'pageShortcuts',
    addKeyboardShortcuts: () => ({
      'Mod-k': () => {
        linkBar?.edit();
        return true;
      },
    }),
  });
  const editor = new Editor({
    element: mount,
    editable,
    injectCSS: false,
    extensions: [
      StarterKit.configure({
        // The shared document has its own history, per person.
        undoRedo: false,
        // Every client would add its own last line, readers too.
        trailingNode: false,
        heading: { levels: [1, 2, 3] },
        link: false,
      }),
      SafeLink,
      Highlight,
      TaskList,
      TaskItem.configure({ nested: true }),
      Placeholder.configure({ placeholder: 'Write something\u2026', showOnlyWhenEditable: true }),
      Collaboration.configure({ document: content, field: 'default' }),
      CollaborationCaret.configure({
        provider,
        user: provider.awareness.getLocalState()?.['user'] ?? {},
        render: renderCaret,
        selectionRender: renderSelection,
      }),
      RemoteChangesAsTheyAre,
      Shortcuts,
    ],
    editorProps: {
      attributes: { 'aria-label': 'Document text', role: 'textbox', 'aria-multiline': 'true', class: 'prose' },
    },
  });
  linkBar = new LinkBar(editor);
  mount.append(linkBar.element);
  mount.addEventListener('mousedown', (event) => {
    if (event.target === mount) continueBelow(editor, event);
  });
  const bar = linkBar;
  return {
    toolbar: richTextToolbar(editor, () => bar.edit()),
    element: mount,
    setEditable: (value) => editor.setEditable(value, false),
    focus: () => editor.commands.focus(),
    text: () => editor.getText({ blockSeparator: '\n\n' }),
    close: () => editor.destroy(),
  };
}

/** A click below the text goes on writing there, also after a list, a quote or code. */
function continueBelow(editor: Editor, event: MouseEvent): void {
  if (!editor.isEditable) return;
  event.preventDefault();
  const last = editor.state.doc.lastChild;
  if (last && last.type.name !== 'paragraph') {
    editor.chain().insertContentAt(editor.state.doc.content.size, { type: 'paragraph' }).focus('end').run();
  } else {
    editor.commands.focus('end');
  }
}
