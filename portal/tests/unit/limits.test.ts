import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Limits } from '../../src/lib/limits.ts';

function limits(perMinute: number) {
  const clock = { now: 600_000 };
  return { clock, limits: new Limits(perMinute, () => clock.now) };
}

test('requests above the limit wait until the next minute', () => {
  const { clock, limits: found } = limits(2);
  clock.now += 15_000;
  assert.deepEqual(
    [1, 2, 3].map(() => found.count('203.0.113.9')),
    [0, 0, 45],
  );
  assert.equal(found.count('203.0.113.10'), 0);
  clock.now += 45_000;
  assert.equal(found.count('203.0.113.9'), 0);
});

test('the addresses of one IPv6 network are one visitor', () => {
  const { limits: found } = limits(1);
  assert.equal(found.count('2001:db8:1:2:a:b:c:d'), 0);
  assert.ok(found.count('2001:db8:1:2::9') > 0);
  assert.equal(found.count('2001:db8:1:3::9'), 0);
  assert.equal(found.count('::1'), 0);
  assert.equal(found.count('2001:db8::1:2:3'), 0);
});
