import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { alternates, formats, locales, path, translator } from '../../src/lib/i18n.ts';

const folder = join(import.meta.dirname, '../../src/messages');
const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));

/** Keys of a catalogue with the names in their texts, a plural being one key. */
function* leaves(node: object, prefix = ''): Generator<[string, string]> {
  for (const [key, value] of Object.entries(node)) {
    const plural = typeof value === 'object' && 'other' in value;
    const text = plural ? value.other : value;
    if (typeof text === 'string')
      yield [prefix + key, (text.match(/\{\w+\}/g) ?? []).sort().join()];
    else yield* leaves(value, `${prefix}${key}.`);
  }
}

test('every language has every key with the same names in it', () => {
  const wanted = [...leaves(read('en.json'))];
  for (const locale of locales)
    assert.deepEqual([...leaves(read(`${locale}.json`))], wanted, locale);
  const files = readdirSync(folder).filter((name) => name !== 'errors.json');
  assert.deepEqual(files.sort(), locales.map((locale) => `${locale}.json`).sort());
  assert.deepEqual(Object.keys(read('errors.json')), [...locales]);
});

test('a text gets its values, and numbers are written as people write them', () => {
  const t = translator('en');
  assert.equal(t('away.reference', { id: 'abc' }), 'Reference: abc');
  assert.equal(t('rank.holdersCount', { count: 1 }), '1 player holds it now.');
  assert.equal(t('rank.holdersCount', { count: 12_345 }), '12,345 players hold it now.');
});

test('English has no prefix', () => {
  assert.equal(path('en', '/ranks'), '/ranks');
  assert.equal(path('de', '/'), '/de');
  assert.equal(path('pt-BR', '/ranks'), '/pt-BR/ranks');
  assert.equal(alternates('en', '/ranks').languages['x-default'], '/ranks');
});

test('times are UTC', () => {
  const { day, time, relative } = formats('en');
  assert.match(day('2026-12-09'), /Dec 9, 2026/);
  assert.match(time('2026-12-09T23:59:00Z'), /11:59/);
  const now = new Date('2026-12-09T12:00:00Z');
  assert.equal(relative('2026-12-06T12:00:00Z', now), '3 days ago');
  assert.equal(relative('2026-12-09T12:00:00Z', now), 'now');
});
