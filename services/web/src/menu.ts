/** A button that opens a menu, with the keyboard behaviour of menus. */

import type { IconNode } from 'lucide';
import { h, icon } from './dom';

export interface MenuItem {
  label: string;
  icon: IconNode;
  danger?: boolean;
  action: () => void;
}

/** `items` is asked each time the menu opens. */
export function menuButton(content: Node, label: string, className: string, items: () => MenuItem[]): HTMLElement {
  const list = h('div', { class: 'menu', role: 'menu', hidden: true, 'aria-label': label });
  const button = h(
    'button',
    {
      type: 'button',
      class: className,
      'aria-haspopup': 'menu',
      'aria-expanded': 'false',
      'aria-label': label,
      title: label,
    },
    content,
  );
  const wrapper = h('div', { class: 'menu-wrapper' }, button, list);
  let opened: AbortController | null = null;

  const close = (refocus: boolean): void => {
    opened?.abort();
    opened = null;
    list.hidden = true;
    button.setAttribute('aria-expanded', 'false');
    if (refocus) button.focus();
  };
  const open = (): void => {
    opened = new AbortController();
    list.replaceChildren(...items().map((item) => entry(item, () => close(true))));
    list.hidden = false;
    button.setAttribute('aria-expanded', 'true');
    list.querySelector('button')?.focus();
    const { signal } = opened;
    document.addEventListener(
      'pointerdown',
      (event) => {
        if (!wrapper.contains(event.target as Node)) close(false);
      },
      { signal },
    );
    wrapper.addEventListener(
      'focusout',
      (event) => {
        if (event.relatedTarget instanceof Node && !wrapper.contains(event.relatedTarget)) close(false);
      },
      { signal },
    );
  };
  button.addEventListener('click', () => (opened ? close(true) : open()));
  wrapper.addEventListener('keydown', (event) => {
    if (!opened) return;
    if (event.key === 'Escape') {
      event.stopPropagation();
      close(true);
    } else if (moveFocus(list, event.key)) {
      event.preventDefault();
    }
  });
  return wrapper;
}

function entry(item: MenuItem, close: () => void): HTMLElement {
  const onclick = (): void => {
    close();
    item.action();
  };
  return h(
    'button',
    { type: 'button', role: 'menuitem', tabindex: '-1', class: item.danger ? 'danger' : null, onclick },
    icon(item.icon, 16),
    item.label,
  );
}

/** Moves the focus among the items; false if the key is none of a menu's. */
function moveFocus(list: HTMLElement, key: string): boolean {
  const entries = [...list.querySelectorAll('button')];
  const current = entries.findIndex((element) => element === document.activeElement);
  const targets: Record<string, number> = {
    ArrowDown: (current + 1) % entries.length,
    ArrowUp: (current - 1 + entries.length) % entries.length,
    Home: 0,
    End: entries.length - 1,
  };
  const target = targets[key];
  if (target === undefined) return false;
  entries[target]?.focus();
  return true;
}
