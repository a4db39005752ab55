import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addressOf,
  choose,
  nextPage,
  previousPage,
  readView,
} from '../../src/app/[locale]/leaderboard/address.ts';

const FIRST = readView({});

test('the plain address shows all players by points', () => {
  assert.deepEqual(FIRST, {
    by: 'points',
    period: 'all',
    rank: null,
    after: null,
    trail: [],
    around: null,
  });
  assert.equal(addressOf(FIRST), '/leaderboard');
});

test('an address reads back as the same view', () => {
  const view = { ...FIRST, by: 'kos', period: '2026-W48', rank: 'captain-i' } as const;
  const params = new URL(addressOf(view), 'http://portal').searchParams;
  assert.deepEqual(readView(Object.fromEntries(params)), view);
});

test('what no list has is read as the default', () => {
  const view = readView({
    by: 'age',
    after: '<script>',
    around: '0',
    trail: 'a b~1:2',
    rank: ['x', 'y'],
  });
  assert.deepEqual(view, { ...FIRST, rank: 'x', trail: ['1:2'] });
});

test('a choice leads to the first page and keeps the others', () => {
  const view = { ...FIRST, by: 'kos' as const, after: '5:1', trail: ['9:1'] };
  assert.equal(choose(view, { period: 'week' }), '/leaderboard?by=kos&period=week');
});

test('next and previous lead through the same pages', () => {
  const second = pageOf(nextPage(FIRST, '90:1'));
  const third = pageOf(nextPage(second, '80:2'));
  assert.deepEqual([third.after, third.trail], ['80:2', ['90:1']]);
  assert.deepEqual(pageOf(previousPage(third)), second);
  assert.equal(previousPage(second), '/leaderboard');
  assert.equal(previousPage(FIRST), null);
  assert.equal(nextPage(FIRST, null), null);
});

test('the trail keeps the last pages only', () => {
  let view = FIRST;
  for (let page = 0; page < 40; page += 1) view = pageOf(nextPage(view, `${page}:1`));
  assert.equal(view.trail.length, 20);
  assert.equal(view.trail.at(-1), '38:1');
});

function pageOf(address: string | null) {
  assert.ok(address);
  return readView(Object.fromEntries(new URL(address, 'http://portal').searchParams));
}
