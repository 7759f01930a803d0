/** Who somebody is on the screen: user id, initials and colour. */

/**
 * Sixteen hues of one luminance (0.165): white text on each has a contrast of at least 4.5:1, and each stands out
 * on the light and on the dark page.
 */
export const PERSON_COLOURS = [
  '#c7414c',
  '#376dd5',
  '#068323',
  '#8e56c5',
  '#ab5d0b',
  '#027c91',
  '#b9458e',
  '#697803',
  '#0078b1',
  '#c5471a',
  '#0a815d',
  '#6e61d3',
  '#8f6c0a',
  '#a74dad',
  '#117e78',
  '#c34170',
] as const;

/** The user id that the development login makes of a name. */
export function userIdFromName(name: string): string {
  return name.trim().toLowerCase().replace(/\s+/g, '-');
}

/** A stable colour for a user: the same on every device and in every document. */
export function colourOf(userId: string): string {
  // FNV-1a, 32 bits: short, and spreads short names well.
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(userId)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return PERSON_COLOURS[hash % PERSON_COLOURS.length] ?? PERSON_COLOURS[0];
}

/** One or two letters for an avatar. */
export function initialsOf(name: string): string {
  const words = name
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '');
  const first = words[0];
  if (first === undefined) return '?';
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  const letters = [first, last].map((word) => (word === undefined ? '' : ([...word][0] ?? '')));
  return letters.join('').toUpperCase();
}
