/** Round portraits made of initials. */

import { h } from './dom';
import { colourOf, initialsOf } from './identity';

/** A coloured circle with initials; the name is read out and shown on hover. */
export function avatar(person: { id: string; name: string; color?: string }, label = person.name): HTMLElement {
  const element = h('span', { class: 'avatar', role: 'img', 'aria-label': label, title: label }, initialsOf(person.name));
  element.style.backgroundColor = person.color ?? colourOf(person.id);
  return element;
}
