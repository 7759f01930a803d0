/** Building the page with DOM calls only: text from outside never becomes markup. */

import { createElement as svg, type IconNode } from 'lucide';

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: never) => void)>;

/**
 * Creates an element. Attributes whose value is a function are event listeners (`onclick`), `true` sets an empty
 * attribute, `false`, null and undefined leave it out. Strings among the children become text nodes.
 */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      element.addEventListener(key.replace(/^on/, ''), value as EventListener);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(key, value === true ? '' : String(value));
    }
  }
  put(element, ...children);
  return element;
}

/** Appends children, leaving out the empty ones. */
export function put(parent: ParentNode, ...children: Child[]): void {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

/** Replaces what is inside `parent`. */
export function fill(parent: Element, ...children: Child[]): void {
  parent.replaceChildren();
  put(parent, ...children);
}

/** An icon that assistive technology skips: its meaning is said in words beside it. */
export function icon(node: IconNode, size = 18): SVGElement {
  return svg(node, { width: size, height: size, 'aria-hidden': 'true', 'stroke-width': 1.9, class: 'icon' });
}

/** A button with an icon and a name for it. */
export function iconButton(node: IconNode, label: string, onclick: (event: MouseEvent) => void): HTMLButtonElement {
  return h('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick }, icon(node));
}
