import { defaultKeymap } from '@codemirror/commands';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { yCollab } from 'y-codemirror.next';
import { joinRoom } from './room';

const { text, provider } = joinRoom();
const parent = document.getElementById('editor') ?? document.body;
new EditorView({
  parent,
  state: EditorState.create({
    doc: text.toString(),
    extensions: [keymap.of(defaultKeymap), yCollab(text, provider.awareness)],
  }),
});
