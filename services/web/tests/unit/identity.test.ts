import { expect, test } from 'vitest';
import { colourOf, initialsOf, PERSON_COLOURS, userIdFromName } from '../../src/identity';
import { ago, counted } from '../../src/wording';

test('a user id is made of the name as the server makes it', () => {
  expect(userIdFromName('Alice')).toBe('alice');
  expect(userIdFromName('  Alice   B. Moreau ')).toBe('alice-b.-moreau');
  expect(userIdFromName('\u00c9MILE')).toBe('\u00e9mile');
});

test('a person has the same colour everywhere, and people differ', () => {
  expect(colourOf('alice')).toBe(colourOf('alice'));
  const colours = new Set(Array.from({ length: 200 }, (_none, index) => colourOf(`person-${index}`)));
  expect(colours.size).toBe(PERSON_COLOURS.length);
});

test('white letters can be read on every colour', () => {
  for (const colour of PERSON_COLOURS) {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
      const share = parseInt(colour.slice(start, start + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    expect(1.05 / (luminance + 0.05)).toBeGreaterThanOrEqual(4.5);
  }
});

test('initials are one or two letters', () => {
  expect(initialsOf('alice')).toBe('A');
  expect(initialsOf('Alice B. Moreau')).toBe('AM');
  expect(initialsOf('  ')).toBe('?');
  expect(initialsOf('\u{1f30a} wave')).toBe('\u{1f30a}W');
});

test('counts and times are said as people say them', () => {
  expect([counted(0, 'change'), counted(1, 'change'), counted(2, 'change')]).toEqual([
    '0 changes',
    '1 change',
    '2 changes',
  ]);
  const now = new Date('2026-11-23T12:00:00Z');
  const before = (seconds: number): string => ago(new Date(now.getTime() - seconds * 1000), now);
  expect([before(5), before(65), before(3_600), before(86_400), before(400 * 86_400)]).toEqual([
    'just now',
    '1 minute ago',
    '1 hour ago',
    'yesterday',
    'last year',
  ]);
  expect(ago(new Date(now.getTime() + 5_000), now)).toBe('just now');
});
