import Quill from 'quill';
import QuillCursors from 'quill-cursors';
import { QuillBinding } from 'y-quill';
import { joinRoom } from './room';

Quill.register('modules/cursors', QuillCursors);
const { text, provider } = joinRoom();
const quill = new Quill(document.getElementById('editor') ?? document.body, { modules: { cursors: true } });
new QuillBinding(text, quill, provider.awareness);
