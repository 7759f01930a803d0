/** Pages that are one message. */

import type { View } from '../app';
import { h } from '../dom';
import { logo } from '../logo';

/** A centred message with something to do next. */
export function messagePage(title: string, text: string, ...actions: Node[]): View {
  document.title = `${title} - AetherFlow`;
  const heading = h('h1', { tabindex: '-1' }, title);
  const element = h(
    'div',
    { class: 'page' },
    h(
      'header',
      { class: 'page-bar' },
      h('a', { href: '/', 'data-page': true, class: 'home', 'aria-label': 'AetherFlow, all documents' }, logo()),
    ),
    h('main', { class: 'message' }, heading, h('p', {}, text), h('div', { class: 'message-actions' }, ...actions)),
  );
  return { element, focus: heading, close: () => undefined };
}

export function backToDocuments(): HTMLElement {
  return h('a', { href: '/', 'data-page': true, class: 'button primary' }, 'Go to your documents');
}

export function unknownPageView(): View {
  return messagePage(
    'There is nothing here',
    'This address is not a page of AetherFlow. Check the link, or start from your documents.',
    backToDocuments(),
  );
}
