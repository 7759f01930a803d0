/** The formatting tools, as an ARIA toolbar: one stop for the Tab key, arrow keys inside. */

import type { Editor } from '@tiptap/core';
import {
  Bold,
  Code,
  Highlighter,
  Italic,
  Link,
  List,
  ListOrdered,
  ListTodo,
  Minus,
  Quote,
  Redo2,
  SquareCode,
  Strikethrough,
  Underline,
  Undo2,
  type IconNode,
} from 'lucide';
import { h, icon } from '../dom';

export interface Tool {
  label: string;
  /** Keys, with `Mod` for Ctrl or Cmd. */
  keys?: string;
  icon: IconNode;
  run: () => void;
  isActive?: () => boolean;
  isPossible?: () => boolean;
}

const IS_MAC = /Mac|iPhone|iPad/.test(navigator.userAgent);

function keysForPeople(keys: string): string {
  return IS_MAC
    ? keys.replace('Mod', '\u2318').replace('Shift', '\u21e7').replace('Alt', '\u2325').replaceAll('+', '')
    : keys.replace('Mod', 'Ctrl');
}

/** Builds a toolbar of groups; call the returned `refresh` when the state of the tools may have changed. */
export function toolbarOf(groups: (Tool | HTMLElement)[][]): { element: HTMLElement; refresh: () => void } {
  const refreshers: (() => void)[] = [];
  const element = h('div', { class: 'toolbar', role: 'toolbar', 'aria-label': 'Formatting' });
  for (const group of groups) {
    const box = h('div', { class: 'toolbar-group' });
    for (const tool of group) box.append(tool instanceof HTMLElement ? tool : toolButton(tool, refreshers));
    element.append(box);
  }
  const stops = (): HTMLElement[] => [...element.querySelectorAll<HTMLElement>('button, select')];
  const rove = (to: HTMLElement): void => stops().forEach((stop) => (stop.tabIndex = stop === to ? 0 : -1));
  const first = stops()[0];
  if (first) rove(first);
  element.addEventListener('focusin', (event) => rove(event.target as HTMLElement));
  element.addEventListener('keydown', (event) => {
    const all = stops();
    const current = all.indexOf(document.activeElement as HTMLElement);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined || current < 0) return;
    event.preventDefault();
    all[(current + step + all.length) % all.length]?.focus();
  });
  return { element, refresh: () => refreshers.forEach((refresh) => refresh()) };
}

function toolButton(tool: Tool, refreshers: (() => void)[]): HTMLElement {
  const title = tool.keys ? `${tool.label} (${keysForPeople(tool.keys)})` : tool.label;
  const button = h(
    'button',
    { type: 'button', class: 'tool', 'aria-label': tool.label, title, onclick: tool.run },
    icon(tool.icon),
  );
  // Keeps the selection in the text while the mouse presses a tool.
  button.addEventListener('mousedown', (event) => event.preventDefault());
  refreshers.push(() => {
    if (tool.isActive) button.setAttribute('aria-pressed', String(tool.isActive()));
    // Not `disabled`: the button must stay reachable by keyboard.
    if (tool.isPossible) button.setAttribute('aria-disabled', String(!tool.isPossible()));
  });
  return button;
}

export function richTextToolbar(editor: Editor, editLink: () => void): HTMLElement {
  const chain = (): ReturnType<Editor['chain']> => editor.chain().focus();
  const style = styleSelect(editor);
  const { element, refresh } = toolbarOf([
    [
      {
        label: 'Undo',
        keys: 'Mod+Z',
        icon: Undo2,
        run: () => chain().undo().run(),
        isPossible: () => editor.can().undo(),
      },
      {
        label: 'Redo',
        keys: 'Mod+Shift+Z',
        icon: Redo2,
        run: () => chain().redo().run(),
        isPossible: () => editor.can().redo(),
      },
    ],
    [style.element],
    [
      {
        label: 'Bold',
        keys: 'Mod+B',
        icon: Bold,
        run: () => chain().toggleBold().run(),
        isActive: () => editor.isActive('bold'),
      },
      {
        label: 'Italic',
        keys: 'Mod+I',
        icon: Italic,
        run: () => chain().toggleItalic().run(),
        isActive: () => editor.isActive('italic'),
      },
      {
        label: 'Underline',
        keys: 'Mod+U',
        icon: Underline,
        run: () => chain().toggleUnderline().run(),
        isActive: () => editor.isActive('underline'),
      },
      {
        label: 'Strikethrough',
        keys: 'Mod+Shift+S',
        icon: Strikethrough,
        run: () => chain().toggleStrike().run(),
        isActive: () => editor.isActive('strike'),
      },
      {
        label: 'Highlight',
        keys: 'Mod+Shift+H',
        icon: Highlighter,
        run: () => chain().toggleHighlight().run(),
        isActive: () => editor.isActive('highlight'),
      },
      {
        label: 'Code',
        keys: 'Mod+E',
        icon: Code,
        run: () => chain().toggleCode().run(),
        isActive: () => editor.isActive('code'),
      },
      { label: 'Link', keys: 'Mod+K', icon: Link, run: editLink, isActive: () => editor.isActive('link') },
    ],
    [
      {
        label: 'Bullet list',
        keys: 'Mod+Shift+8',
        icon: List,
        run: () => chain().toggleBulletList().run(),
        isActive: () => editor.isActive('bulletList'),
      },
      {
        label: 'Numbered list',
        keys: 'Mod+Shift+7',
        icon: ListOrdered,
        run: () => chain().toggleOrderedList().run(),
        isActive: () => editor.isActive('orderedList'),
      },
      {
        label: 'Task list',
        keys: 'Mod+Shift+9',
        icon: ListTodo,
        run: () => chain().toggleTaskList().run(),
        isActive: () => editor.isActive('taskList'),
      },
    ],
    [
      {
        label: 'Quote',
        keys: 'Mod+Shift+B',
        icon: Quote,
        run: () => chain().toggleBlockquote().run(),
        isActive: () => editor.isActive('blockquote'),
      },
      {
        label: 'Code block',
        keys: 'Mod+Alt+C',
        icon: SquareCode,
        run: () => chain().toggleCodeBlock().run(),
        isActive: () => editor.isActive('codeBlock'),
      },
      { label: 'Divider', icon: Minus, run: () => chain().setHorizontalRule().run() },
    ],
  ]);
  editor.on('transaction', () => {
    refresh();
    style.refresh();
  });
  refresh();
  return element;
}

function styleSelect(editor: Editor): { element: HTMLElement; refresh: () => void } {
  const levels = [1, 2, 3] as const;
  const element = h(
    'select',
    { class: 'tool-select', 'aria-label': 'Text style', title: 'Text style' },
    h('option', { value: '0' }, 'Text'),
    ...levels.map((level) => h('option', { value: level }, `Heading ${level}`)),
  );
  element.addEventListener('change', () => {
    const level = levels.find((candidate) => candidate === Number(element.value));
    const chain = editor.chain().focus();
    if (level) chain.setHeading({ level }).run();
    else chain.setParagraph().run();
  });
  const refresh = (): void => {
    element.value = String(levels.find((level) => editor.isActive('heading', { level })) ?? 0);
  };
  return { element, refresh };
}
