/** Other people's carets and selections in rich text. Names and colours have passed the awareness gate. */

import type { DecorationAttrs } from '@tiptap/pm/view';
import { h } from '../dom';

export function renderCaret(person: Record<string, unknown>): HTMLElement {
  const color = String(person['color']);
  const label = h('span', { class: 'caret-label' }, String(person['name']));
  label.style.backgroundColor = color;
  // A word joiner on both sides keeps the caret from changing where lines break.
  const caret = h('span', { class: 'caret', 'aria-hidden': 'true' }, '\u2060', label, '\u2060');
  caret.style.borderColor = color;
  // For the flag on top; the caret itself has no width to fill.
  caret.style.backgroundColor = color;
  return caret;
}

export function renderSelection(person: Record<string, unknown>): DecorationAttrs {
  return { class: 'caret-selection', style: `background-color: ${String(person['color'])}33` };
}
