/** The small bar under a link: open it, change it, remove it. */

import type { Editor } from '@tiptap/core';
import { ExternalLink, Pencil, Unlink } from 'lucide';
import { fill, h, icon, iconButton } from '../dom';
import { isSafeLink, linkFromInput } from '../links';

export class LinkBar {
  readonly element = h('div', { class: 'link-bar', role: 'group', 'aria-label': 'Link', hidden: true });
  private editing = false;

  constructor(private readonly editor: Editor) {
    editor.on('selectionUpdate', () => this.follow());
    editor.on('update', () => this.follow());
    editor.on('focus', () => this.follow());
    editor.on('blur', ({ event }) => {
      if (!(event.relatedTarget instanceof Node) || !this.element.contains(event.relatedTarget)) this.hide();
    });
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      this.hide();
      editor.commands.focus();
    });
    this.element.addEventListener('focusout', (event) => {
      if (event.relatedTarget instanceof Node && !this.element.contains(event.relatedTarget)) this.hide();
    });
  }

  /** Asks for the address of the selected text or of the link at the caret. */
  edit(): void {
    if (!this.editor.isEditable) return;
    this.editing = true;
    const current: unknown = this.editor.getAttributes('link')['href'];
    const input = h('input', {
      type: 'text',
      inputmode: 'url',
      value: isSafeLink(current) ? current : '',
      placeholder: 'https://',
      'aria-label': 'Address of the link',
      autocomplete: 'off',
      spellcheck: 'false',
    });
    const apply = (event: Event): void => {
      event.preventDefault();
      const href = linkFromInput(input.value);
      input.setAttribute('aria-invalid', String(href === null));
      if (href === null) return input.focus();
      this.hide();
      this.apply(href);
    };
    fill(
      this.element,
      h(
        'form',
        { onsubmit: apply, novalidate: true },
        input,
        h('button', { type: 'submit', class: 'button small primary' }, 'Apply'),
      ),
    );
    this.place();
    input.focus();
    input.select();
  }

  private apply(href: string): void {
    const chain = this.editor.chain().focus().extendMarkRange('link');
    if (this.editor.state.selection.empty && !this.editor.isActive('link')) {
      chain
        .insertContent({ type: 'text', text: href.replace(/^mailto:/, ''), marks: [{ type: 'link', attrs: { href } }] })
        .run();
    } else {
      chain.setLink({ href }).run();
    }
  }

  /** Shows the link at the caret, if there is one. */
  private follow(): void {
    if (this.editing) return;
    const href: unknown = this.editor.getAttributes('link')['href'];
    if (!this.editor.isActive('link') || !isSafeLink(href) || !this.editor.isFocused) return this.hide();
    const open = h(
      'a',
      { href, target: '_blank', rel: 'noopener noreferrer nofollow' },
      icon(ExternalLink, 15),
      h('span', {}, href.replace(/^(https?:\/\/|mailto:)/, '')),
    );
    const change = iconButton(Pencil, 'Change link', () => this.edit());
    const remove = iconButton(Unlink, 'Remove link', () => {
      this.hide();
      this.editor.chain().focus().extendMarkRange('link').unsetLink().run();
    });
    fill(this.element, open, ...(this.editor.isEditable ? [change, remove] : []));
    this.place();
  }

  private hide(): void {
    this.editing = false;
    this.element.hidden = true;
  }

  private place(): void {
    this.element.hidden = false;
    const parent = this.element.offsetParent?.getBoundingClientRect();
    if (!parent) return;
    const caret = this.editor.view.coordsAtPos(this.editor.state.selection.from);
    const left = Math.min(caret.left - parent.left, parent.width - this.element.offsetWidth - 8);
    this.element.style.left = `${Math.max(left, 8)}px`;
    this.element.style.top = `${caret.bottom - parent.top + 8}px`;
  }
}
