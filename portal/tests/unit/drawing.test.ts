import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  areaPath,
  barHeights,
  linePath,
  placeThresholds,
  scaleOf,
  y,
} from '../../src/components/drawing/scale.ts';
import { cells, monthLabels, weekTotals } from '../../src/components/drawing/weeks.ts';

const SCALE = { low: 0, high: 100, height: 200 };

test('a scale leaves air around its values and never falls below zero', () => {
  const scale = scaleOf([100, 200], 220);
  assert.ok(scale.low < 100 && scale.high > 200);
  assert.equal(scaleOf([0, 50], 220).low, 0);
});

test('a scale of equal values still has a height', () => {
  const scale = scaleOf([0, 0], 220);
  assert.ok(scale.high > scale.low);
  assert.ok(Number.isFinite(y(0, scale)));
});

test('a line runs from the left edge to the right, higher values higher up', () => {
  assert.equal(linePath([0, 50, 100], SCALE), 'M0 200L500 100L1000 0');
});

test('a line begins at the first known value', () => {
  assert.equal(linePath([null, 50, 100], SCALE), 'M500 100L1000 0');
  assert.equal(areaPath([null, 50, 100], SCALE), 'M500 100L1000 0V200H500Z');
  assert.equal(areaPath([null, null], SCALE), '');
});

test('thresholds outside of the scale or too close to another are left out', () => {
  const placed = placeThresholds(
    [
      { name: 'far', value: 500 },
      { name: 'low', value: 20 },
      { name: 'close', value: 78 },
      { name: 'high', value: 80 },
    ],
    SCALE,
  );
  assert.deepEqual(
    placed.map(({ name }) => name),
    ['high', 'low'],
  );
});

test('bars follow the largest value, and days without points keep a foot', () => {
  assert.deepEqual(barHeights([0n, 5n, 10n, -3n], 20), [1, 10, 20, 1]);
  assert.deepEqual(barHeights([0n, 0n], 20), [1, 1]);
  assert.deepEqual(barHeights([1n, 100_000n], 20), [2, 20]);
});

test('the calendar begins a column on each Monday', () => {
  // 2026-11-28 is a Saturday.
  const all = cells(['2026-11-28', '2026-11-29', '2026-11-30'].map((day) => ({ day, amount: 0n })));
  assert.deepEqual(
    all.map(({ week, weekday }) => [week, weekday]),
    [
      [0, 5],
      [0, 6],
      [1, 0],
    ],
  );
});

test('levels are quartiles of the days with points', () => {
  const amounts = [0n, 1n, 2n, 3n, 4n, -5n];
  const days = amounts.map((amount, index) => ({ day: `2026-11-0${index + 1}`, amount }));
  assert.deepEqual(
    cells(days).map(({ level }) => level),
    [0, 1, 2, 3, 4, 0],
  );
});

test('equal days share the lowest level', () => {
  const days = ['2026-11-01', '2026-11-02'].map((day) => ({ day, amount: 7n }));
  assert.deepEqual(
    cells(days).map(({ level }) => level),
    [1, 1],
  );
});

test('a month has its label above the week of its first day', () => {
  const all = cells(['2026-10-31', '2026-11-01', '2026-11-02'].map((day) => ({ day, amount: 0n })));
  assert.deepEqual(monthLabels(all), [{ day: '2026-11-01', week: 0 }]);
});

test('weeks add up their days with points', () => {
  const amounts = [5n, -2n, 7n];
  const days = amounts.map((amount, index) => ({ day: `2026-11-${28 + index}`, amount }));
  assert.deepEqual(weekTotals(cells(days)), [
    { day: '2026-11-28', activeDays: 1, amount: 5n },
    { day: '2026-11-30', activeDays: 1, amount: 7n },
  ]);
});
