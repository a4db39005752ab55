import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alternates, formats, path, translator } from '../../src/lib/i18n.ts';

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
