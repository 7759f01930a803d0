/** The mark: two currents that flow into one. The same drawing is in public/favicon.svg. */

import { h } from './dom';

const SVG = 'http://www.w3.org/2000/svg';

function shape(name: string, attributes: Record<string, string>): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

export function logoMark(size = 28): SVGElement {
  const mark = shape('svg', {
    viewBox: '0 0 32 32',
    width: String(size),
    height: String(size),
    'aria-hidden': 'true',
    class: 'logo-mark',
  });
  mark.append(
    shape('rect', { width: '32', height: '32', rx: '9', class: 'logo-ground' }),
    shape('path', { d: 'M6 10.5c6.5 0 7.5 5.5 13 5.5h7', class: 'logo-current' }),
    shape('path', { d: 'M6 21.5c6.5 0 7.5-5.5 13-5.5', class: 'logo-current logo-current-second' }),
  );
  return mark;
}

/** A decoration: many currents that run together. */
export function currents(): SVGElement {
  const drawing = shape('svg', {
    viewBox: '0 0 1000 400',
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
    class: 'login-currents',
  });
  const lines = 14;
  for (let line = 0; line < lines; line += 1) {
    const share = line / (lines - 1);
    const start = 20 + 360 * share;
    const end = 190 + 70 * share;
    const bend = 120 * Math.sin(share * Math.PI * 2);
    const path = shape('path', { d: `M-10 ${start} C 300 ${start + bend} 520 ${end - bend / 2} 1010 ${end}` });
    path.style.opacity = String(0.05 + 0.3 * Math.abs(Math.sin(share * 7)));
    drawing.append(path);
  }
  return drawing;
}

/** The mark with the name beside it. */
export function logo(): HTMLElement {
  return h('span', { class: 'logo' }, logoMark(), h('span', { class: 'logo-name' }, 'AetherFlow'));
}
