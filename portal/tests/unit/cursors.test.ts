import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checked, isSlug, isUserId, parts } from '../../src/lib/read/cursors.ts';

test('a user id has 63 bits', () => {
  for (const id of ['1', '156', '9223372036854775807']) assert.ok(isUserId(id), id);
  for (const id of [
    '',
    '0',
    '01',
    '-1',
    '1.0',
    '1e3',
    '٣',
    '9223372036854775808',
    '1'.repeat(50),
  ]) {
    assert.ok(!isUserId(id), id);
  }
});

test('a cursor has two parts, anything else starts at the beginning', () => {
  assert.deepEqual(parts('amount', '4180.50:12'), { value: '4180.50', id: 12n });
  assert.deepEqual(parts('time', '1767225600000000:9'), { value: '1767225600000000', id: 9n });
  for (const forged of [
    '',
    ':',
    '1:',
    '-1:2',
    "1:2'--",
    '1:9223372036854775808',
    '1.234:5',
    '1:2:3',
  ]) {
    assert.equal(checked('amount', forged), null, forged);
  }
  assert.equal(checked('amount', null), null);
});

test('no text that a source refuses is taken for a slug', () => {
  assert.ok(isSlug('captain-i'));
  for (const text of ['', '\0', 'captain\0', 'Captain', 'é', 'a'.repeat(91)]) {
    assert.ok(!isSlug(text), text);
  }
});
