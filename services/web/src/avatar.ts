/** Round portraits made of initials. */

import { h } from './dom';
import { colourOf, initialsOf } from './identity';

/** A coloured circle with initials; the name is read out and shown on hover. */
export function avatar(person: { id: string; name: string; color?: string }, label = person.name): HTMLElement {
  // The initials are drawn by the style sheet: a picture of the person, not part of the text around it.
  const element = h('span', {
    class: 'avatar',
    role: 'img',
    'aria-label': label,
    title: label,
    'data-initials': initialsOf(person.name),
  });
  element.style.backgroundColor = person.color ?? colourOf(person.id);
  return element;
}
