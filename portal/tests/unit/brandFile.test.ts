import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { BrandError, contrast, inLanguage, parseBrand } from '../../src/lib/brandFile.ts';

const shipped = readFileSync(new URL('../../brand.json', import.meta.url), 'utf8');

function withField(name: string, value: unknown): string {
  return JSON.stringify({ ...(JSON.parse(shipped) as object), [name]: value });
}

function refusal(text: string): string {
  try {
    parseBrand(text);
  } catch (error) {
    assert.ok(error instanceof BrandError);
    return error.message;
  }
  return assert.fail('it was accepted');
}

test('the shipped file is valid and has its tagline in each language', () => {
  const brand = parseBrand(shipped);
  assert.equal(
    new Set(['en', 'de', 'es', 'pt-BR'].map((one) => inLanguage(brand.tagline, one))).size,
    4,
  );
});

test('a text without a language is shown in English', () => {
  assert.equal(inLanguage({ en: 'Hello', de: 'Hallo' }, 'es'), 'Hello');
  assert.equal(inLanguage('Hello', 'de'), 'Hello');
});

const WRONG: [string, unknown, RegExp][] = [
  ['name', '', /^name must be a text/],
  ['name', 'two\nlines', /^name must be one line/],
  ['tagline', { de: 'Hallo' }, /^tagline\.en must be a text/],
  ['tagline', { en: 'Hello', fr: 'Bonjour' }, /^tagline\.fr is unknown/],
  ['logo', '../../etc/passwd.png', /^logo must name/],
  ['colours', { light: 'red', dark: '#a3acff' }, /^colours\.light must be a colour/],
  ['colours', { light: '#ffff00', dark: '#a3acff' }, /^colours\.light cannot be read.*darker/],
  ['colours', { light: '#3b46c4', dark: '#000033' }, /^colours\.dark cannot be read.*lighter/],
  ['links', { roblox: 'javascript:alert(1)' }, /^links\.roblox must be an address/],
  ['links', { twitter: 'https://x.example' }, /^links\.twitter is unknown/],
  [
    'footer',
    [{ text: 'Shop', url: 'http://shop.example' }],
    /^footer\[0\]\.url must be an address/,
  ],
  ['contact', 'mail us', /^contact must be an address/],
  ['about', 'one text', /^about must be a list/],
  ['favourite', 1, /^favourite is unknown/],
];

for (const [name, value, message] of WRONG) {
  test(`${name} ${JSON.stringify(value)} is refused with one line that names it`, () => {
    assert.match(refusal(withField(name, value)), message);
  });
}

test('text that is not JSON is refused', () => {
  assert.match(refusal('{'), /^it is not JSON/);
  assert.match(refusal('[]'), /^the file must be an object/);
});

test('a contact may be an e-mail address or a page', () => {
  assert.equal(
    parseBrand(withField('contact', 'help@storm.example')).contact,
    'help@storm.example',
  );
  assert.equal(
    parseBrand(withField('contact', 'https://storm.example')).contact,
    'https://storm.example',
  );
});

test('contrast is that of WCAG', () => {
  assert.equal(contrast('#000000', '#ffffff'), 21);
  assert.ok(Math.abs(contrast('#777777', '#ffffff') - 4.48) < 0.01);
});
