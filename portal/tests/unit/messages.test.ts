import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { alternates, locales, path, translator } from '../../src/lib/i18n.ts';

type Tree = { [name: string]: string | Tree };
const PLURALS = ['zero', 'one', 'two', 'few', 'many', 'other'];

function read(file: string): Tree {
  const text = readFileSync(new URL(`../../src/messages/${file}.json`, import.meta.url), 'utf8');
  return JSON.parse(text) as Tree;
}

const isPlural = (node: Tree) => Object.keys(node).every((name) => PLURALS.includes(name));

/** Each message by its key; the forms of a plural belong together. */
function messages(node: Tree, prefix = ''): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [name, value] of Object.entries(node)) {
    const key = prefix + name;
    if (typeof value === 'string') found.set(key, [value]);
    else if (isPlural(value)) found.set(key, Object.values(value) as string[]);
    else for (const [inner, texts] of messages(value, `${key}.`)) found.set(inner, texts);
  }
  return found;
}

function placeholders(texts: string[]): string[] {
  return [...new Set(texts.flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();
}

function plurals(node: Tree): Tree[] {
  return Object.values(node).flatMap((value) => {
    if (typeof value === 'string') return [];
    return isPlural(value) ? [value] : plurals(value);
  });
}

const english = messages(read('en'));

for (const locale of locales) {
  const translated = messages(read(locale));

  test(`${locale} has the keys of English`, () => {
    assert.deepEqual([...translated.keys()].sort(), [...english.keys()].sort());
  });

  test(`${locale} has the placeholders of English`, () => {
    for (const [key, texts] of english)
      assert.deepEqual(placeholders(translated.get(key) ?? []), placeholders(texts), key);
  });

  test(`${locale} has only plural forms of its language, and always "other"`, () => {
    const forms: string[] = new Intl.PluralRules(locale).resolvedOptions().pluralCategories;
    for (const plural of plurals(read(locale))) {
      assert.ok('other' in plural);
      assert.deepEqual(
        Object.keys(plural).filter((form) => !forms.includes(form)),
        [],
      );
    }
  });

  test(`${locale} tells nothing empty and leaves no sentence in English`, () => {
    for (const [key, texts] of translated) {
      assert.ok(
        texts.every((text) => text.trim() !== ''),
        key,
      );
      const sentence = (texts[0] ?? '').replace(/\{\w+\}/g, '').split(/\s+/).length > 4;
      if (locale !== 'en' && sentence) assert.notDeepEqual(texts, english.get(key), key);
    }
  });
}

test('errors.json has every language with the same keys', () => {
  const errors = read('errors') as Record<string, Tree>;
  assert.deepEqual(Object.keys(errors).sort(), [...locales].sort());
  for (const words of Object.values(errors))
    assert.deepEqual(Object.keys(words), Object.keys(errors['en'] ?? {}));
});

test('plural forms follow the language', () => {
  assert.equal(translator('de')('common.days', { count: 1 }), '1 Tag');
  assert.equal(translator('pt-BR')('common.days', { count: 0 }), '0 dia');
  assert.equal(translator('es')('common.days', { count: 1_000_000 }), '1.000.000 días');
});

test('English has no prefix, and every language links to the others', () => {
  assert.deepEqual(
    [path('en', '/'), path('de', '/'), path('pt-BR', '/ranks')],
    ['/', '/de', '/pt-BR/ranks'],
  );
  assert.deepEqual(alternates('de', '/ranks'), {
    canonical: '/de/ranks',
    languages: {
      en: '/ranks',
      de: '/de/ranks',
      es: '/es/ranks',
      'pt-BR': '/pt-BR/ranks',
      'x-default': '/ranks',
    },
  });
});
