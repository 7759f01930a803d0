/** The title of the document, renamed where it stands. */

import { NAME_LIMIT } from '../dialogs/documents';
import { h } from '../dom';

export class Title {
  readonly heading = h('h1', { class: 'visually-hidden' });
  readonly input: HTMLInputElement;
  private name = '';

  /** `rename` reports its own failures; the title then goes back to what it was. */
  constructor(rename: (name: string) => Promise<boolean>) {
    const input = h('input', {
      class: 'title',
      'aria-label': 'Document title',
      maxlength: NAME_LIMIT,
      autocomplete: 'off',
      spellcheck: 'false',
    });
    this.input = input;
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') input.value = this.name;
      if (event.key === 'Enter' || event.key === 'Escape') input.blur();
    });
    input.addEventListener('input', () => this.fit());
    input.addEventListener('blur', () => void this.commit(rename));
  }

  show(name: string, editable: boolean): void {
    const isBeingEdited = document.activeElement === this.input && this.input.value !== this.name;
    this.name = name;
    this.heading.textContent = name;
    this.input.readOnly = !editable;
    document.title = `${name} - AetherFlow`;
    if (!isBeingEdited) this.input.value = name;
    this.fit();
  }

  private async commit(rename: (name: string) => Promise<boolean>): Promise<void> {
    const wanted = this.input.value.trim();
    if (wanted !== '' && wanted !== this.name && (await rename(wanted))) return;
    this.input.value = this.name;
    this.fit();
  }

  /** As wide as its text, where the browser cannot do that by itself. */
  private fit(): void {
    if (!CSS.supports('field-sizing', 'content')) this.input.size = Math.max(this.input.value.length, 8);
  }
}
