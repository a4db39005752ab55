import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCapped } from '../../src/app/[locale]/players/[userId]/capped.ts';
import { missingWords } from '../../src/app/[locale]/players/[userId]/missingWords.ts';
import { lastDay, periodName } from '../../src/components/periodName.ts';
import { wordsOf } from '../../src/lib/i18n.ts';

const WORDS = wordsOf('en');

test('what is missing is one list', () => {
  assert.equal(
    missingWords(WORDS, { points: 12_050n, days: 1, recommendations: 2 }),
    '120.50 points, 1 day, and 2 recommendations',
  );
  assert.equal(missingWords(WORDS, { points: 100n, days: 0, recommendations: 0 }), '1 point');
  assert.equal(missingWords(WORDS, { points: 0n, days: 0, recommendations: 0 }), '');
});

test('periods have names', () => {
  assert.equal(periodName(WORDS, '2026-W48'), 'Week 48 of 2026');
  assert.equal(periodName(WORDS, '2026-W05'), 'Week 5 of 2026');
  assert.equal(periodName(WORDS, '2026-11'), 'November 2026');
  assert.equal(periodName(WORDS, '2026-S4'), 'Season 4 of 2026');
});

test('the last day of a period is the one before its end', () => {
  assert.equal(lastDay('2026-12-01'), '2026-11-30');
  assert.equal(lastDay('2027-01-01'), '2026-12-31');
});

const POLICY = {
  number: 3,
  version: 'v3',
  activatedAt: '2026-11-01T00:00:00Z',
  dailyCap: 50_000n,
  weeklyCap: 250_000n,
  multipliers: [],
  events: [
    event('training', 1_500n),
    event('wo', -10n),
    { ...event('recommendation', null), weightByLevel: { CMD: 1_000n } },
  ],
};

test('an entry below its usual points was capped', () => {
  assert.equal(isCapped(entry('training', 2, 2_000n), POLICY), true);
  assert.equal(isCapped(entry('training', 2, 3_000n), POLICY), false);
});

test('nothing is said where the present rules do not tell', () => {
  const before = { ...entry('training', 2, 2_000n), occurredAt: '2026-10-31T23:59:59Z' };
  assert.equal(isCapped(before, POLICY), false);
  assert.equal(isCapped(entry('recommendation', 1, 500n), POLICY), false);
  assert.equal(isCapped(entry('wo', 1, -10n), POLICY), false);
  assert.equal(isCapped(entry('unknown', 1, 5n), POLICY), false);
  assert.equal(isCapped(entry('training', 2, 2_000n), null), false);
});

function event(type: string, weight: bigint | null) {
  return {
    type,
    weight,
    weightByLevel: {},
    counter: null,
    cooldownSeconds: null,
    shortestSeconds: null,
    recommends: false,
  };
}

function entry(type: string, magnitude: number, awarded: bigint) {
  return {
    id: '1',
    experience: 'main',
    experienceName: 'Main',
    type,
    magnitude,
    awarded,
    occurredAt: '2026-11-20T12:00:00Z',
  };
}
