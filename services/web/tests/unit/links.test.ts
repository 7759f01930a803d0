import { expect, test } from 'vitest';
import { documentIdFrom, isSafeLink, linkFromInput } from '../../src/links';
import { routeOf } from '../../src/router';

const ID = '0193f3a0-7c1e-7d5b-8a40-1f2e3d4c5b6a';
const SORTABLE = '01jfsa0z0ye5dr8ma0z4yks2va';

test('only web and mail links are safe', () => {
  for (const href of ['https://example.org', 'http://example.org/a?b#c', 'mailto:a@example.org'])
    expect(isSafeLink(href)).toBe(true);
  for (const href of [
    'javascript:alert(1)',
    'JAVASCRIPT:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc',
    '/relative',
    '',
    null,
    5,
  ]) {
    expect(isSafeLink(href)).toBe(false);
  }
});

test('what people type becomes a link', () => {
  expect(linkFromInput('example.org')).toBe('https://example.org/');
  expect(linkFromInput('  example.org/path  ')).toBe('https://example.org/path');
  expect(linkFromInput('localhost:8080/d/1')).toBe('https://localhost:8080/d/1');
  expect(linkFromInput('http://example.org')).toBe('http://example.org/');
  expect(linkFromInput('ann@example.org')).toBe('mailto:ann@example.org');
  for (const input of ['', 'two words', 'javascript:alert(1)', 'data:x', 'https://'])
    expect(linkFromInput(input)).toBeNull();
});

test('a document id is found in an id or a link of any form', () => {
  for (const input of [
    ID,
    ` ${ID.toUpperCase()} `,
    `http://localhost:8080/d/${ID}`,
    `https://x.example/#/d/${ID}`,
    `/d/${ID}`,
    `d/${ID}?x=1`,
  ]) {
    expect(documentIdFrom(input)).toBe(ID);
  }
  expect(documentIdFrom(ID.replaceAll('-', ''))).toBe(ID.replaceAll('-', ''));
  expect(documentIdFrom(SORTABLE.toUpperCase())).toBe(SORTABLE);
  expect(documentIdFrom(`http://localhost/d/${SORTABLE}`)).toBe(SORTABLE);
  for (const input of ['', 'hello', 'http://localhost:8080/', `${ID}0`, `http://x/e/${ID}`, 'd/../../etc'])
    expect(documentIdFrom(input)).toBeNull();
});

test('addresses lead to pages', () => {
  expect(routeOf({ pathname: '/', hash: '' })).toEqual({ page: 'documents' });
  expect(routeOf({ pathname: `/d/${ID}`, hash: '' })).toEqual({ page: 'document', id: ID });
  expect(routeOf({ pathname: `/d/${ID}/`, hash: '' })).toEqual({ page: 'document', id: ID });
  expect(routeOf({ pathname: '/', hash: `#/d/${ID}` })).toEqual({ page: 'document', id: ID });
  for (const pathname of ['/d/', '/d/nonsense', `/d/${ID}/more`, '/elsewhere'])
    expect(routeOf({ pathname, hash: '' })).toEqual({ page: 'unknown' });
});
