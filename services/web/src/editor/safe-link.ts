/** Links in rich text: http, https and mailto only, rendered with attributes that no document can choose. */

import { mergeAttributes } from '@tiptap/core';
import { Link } from '@tiptap/extension-link';
import { isSafeLink, linkFromInput } from '../links';

const FIXED_ATTRIBUTES = { target: '_blank', rel: 'noopener noreferrer nofollow' };

export const SafeLink = Link.extend({
  addAttributes() {
    // Other editors store these with a link: they are kept in the document, but not believed.
    const stored = { default: null, rendered: false };
    return {
      href: { default: null, parseHTML: (element: HTMLElement) => element.getAttribute('href') },
      target: stored,
      rel: stored,
      class: stored,
      title: stored,
    };
  },
  renderHTML({ HTMLAttributes }) {
    const href: unknown = HTMLAttributes['href'];
    if (!isSafeLink(href)) return ['span', {}, 0];
    return ['a', mergeAttributes({ href }, FIXED_ATTRIBUTES), 0];
  },
}).configure({
  openOnClick: false,
  autolink: true,
  linkOnPaste: true,
  defaultProtocol: 'https',
  isAllowedUri: (address) => linkFromInput(address) !== null,
});
