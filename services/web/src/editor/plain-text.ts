/** The plain text editor: CodeMirror on the Yjs text "content". */

import { defaultKeymap } from '@codemirror/commands';
import { Compartment, EditorState } from '@codemirror/state';
import { drawSelection, EditorView, keymap, placeholder } from '@codemirror/view';
import { Redo2, Undo2 } from 'lucide';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';
import type { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { h } from '../dom';
import type { DocumentEditor } from './document-editor';
import { toolbarOf } from './toolbar';

export function plainTextEditor(content: Y.Doc, provider: WebsocketProvider, editable: boolean): DocumentEditor {
  const text = content.getText('content');
  const undoManager = new Y.UndoManager(text);
  const editing = new Compartment();
  const rules = (value: boolean) => [EditorState.readOnly.of(!value), EditorView.editable.of(value)];
  const mount = h('div', { class: 'plain-text' });
  const view = new EditorView({
    parent: mount,
    state: EditorState.create({
      doc: text.toString(),
      extensions: [
        keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
        drawSelection(),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'Document text', spellcheck: 'true' }),
        placeholder('Write something\u2026'),
        yCollab(text, provider.awareness, { undoManager }),
        editing.of(rules(editable)),
      ],
    }),
  });
  const { element, refresh } = toolbarOf([
    [
      {
        label: 'Undo',
        keys: 'Mod+Z',
        icon: Undo2,
        run: () => void undoManager.undo(),
        isPossible: () => undoManager.canUndo(),
      },
      {
        label: 'Redo',
        keys: 'Mod+Shift+Z',
        icon: Redo2,
        run: () => void undoManager.redo(),
        isPossible: () => undoManager.canRedo(),
      },
    ],
  ]);
  for (const event of ['stack-item-added', 'stack-item-popped', 'stack-cleared'] as const)
    undoManager.on(event, refresh);
  refresh();
  return {
    toolbar: element,
    element: mount,
    setEditable: (value) => view.dispatch({ effects: editing.reconfigure(rules(value)) }),
    focus: () => view.focus(),
    text: () => view.state.doc.toString(),
    close: () => {
      view.destroy();
      undoManager.destroy();
    },
  };
}
