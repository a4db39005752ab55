import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { cardColour } from '../../src/lib/card/colour.ts';
import { coverage } from '../../src/lib/card/coverage.ts';
import { cardFonts } from '../../src/lib/card/fonts.ts';
import { cardTexts } from '../../src/lib/card/texts.ts';
import { translator } from '../../src/lib/i18n.ts';
import type { Player } from '../../src/lib/shapes.ts';

const player: Player = {
  userId: '9223372036854775807',
  username: 'storm_rider',
  displayName: 'Stürmische Élodie',
  rank: 'Captain I',
  rankSlug: 'captain-i',
  level: 'MR',
  points: 310050n,
  rankSince: '2026-11-01T00:00:00Z',
  joinedAt: '2026-01-01T00:00:00Z',
  position: 12,
  total: 4210,
  percentile: 99,
  change: null,
  kos: 0,
  wos: 0,
  pace: 1200n,
  streak: { current: 1, longest: 3 },
  bestDay: null,
  bestWeek: null,
  experiences: [],
  recommendations: 0,
  nextRank: {
    name: 'Captain II',
    slug: 'captain-ii',
    minPoints: 320000n,
    minTimeDays: 21,
    requiredRecommendations: 0,
    privileged: false,
    have: { points: 310050n, days: 10, recommendations: 0 },
    missing: { points: 9950n, days: 11, recommendations: 0 },
    timeMetAt: '2026-12-09T00:00:00Z',
    expectedAt: '2026-12-09T00:00:00Z',
  },
  lastSyncedAt: '2026-11-30T12:00:00Z',
};
const t = translator('en');

function textsOf(changes: Partial<Player>, covers: (text: string) => boolean) {
  return cardTexts({ ...player, ...changes }, t, 'en', covers);
}

test('the fonts cover the letters of the languages of Europe, and say what they lack', async () => {
  const { covers } = await cardFonts();
  for (const text of ['Stürmische Élodie ß', 'Ночь', 'Αθήνα', 'Việt Nam', '1,234.50 %…#@?']) {
    assert.equal(covers(text), true, text);
  }
  for (const text of ['嵐', 'नमस्ते', '🔥', '\u202e', 'مرحبا'])
    assert.equal(covers(text), false, text);
});

test('coverage is what the font file lists, without the last, empty segment', () => {
  const folder = 'node_modules/@fontsource/noto-sans/files';
  const has = coverage(readFileSync(`${folder}/noto-sans-greek-400-normal.woff`));
  assert.equal(has('Ω'.codePointAt(0) ?? 0), true);
  assert.equal(has('Ж'.codePointAt(0) ?? 0), false);
  assert.equal(has(0xffff), false);
  assert.throws(() => coverage(Buffer.alloc(64)), /no WOFF/);
});

test('a display name that cannot be drawn gives way to the username', async () => {
  const { covers } = await cardFonts();
  assert.equal(textsOf({}, covers).name, 'Stürmische Élodie');
  assert.equal(textsOf({ displayName: '嵐の騎士' }, covers).name, 'storm_rider');
  assert.equal(textsOf({ displayName: '🔥', username: 'a\u202eb' }, covers).name, 'a?b');
  assert.equal(textsOf({ displayName: '   ' }, covers).name, 'storm_rider');
  assert.equal(textsOf({ displayName: 'W'.repeat(50) }, covers).name, `${'W'.repeat(19)}…`);
});

test('the card says what is missing, or what was reached, or neither', async () => {
  const { covers } = await cardFonts();
  const next = textsOf({}, covers);
  assert.equal(next.next, '99.50 points to Captain II');
  assert.equal(next.when, 'About Dec 9, 2026');
  assert.ok(next.progress !== null && next.progress > 0.96 && next.progress < 0.97);
  assert.equal(textsOf({ nextRank: null }, covers).next, 'At the top of the ladder');
  assert.deepEqual(
    [
      textsOf({ nextRank: undefined }, covers).next,
      textsOf({ nextRank: undefined }, covers).progress,
    ],
    ['', null],
  );
});

test('a colour stands out from the dark background', () => {
  assert.equal(cardColour('#ffcc00'), '#ffcc00');
  assert.notEqual(cardColour('#000000'), '#000000');
  assert.match(cardColour('#12151c'), /^#[0-9a-f]{6}$/);
  assert.equal(cardColour('red'), cardColour(null));
});

test('the first letter stays as it is if its upper case cannot be drawn', async () => {
  const { covers } = await cardFonts();
  assert.equal(textsOf({ displayName: 'ǰan' }, covers).initial, 'ǰ');
  assert.equal(textsOf({ displayName: 'jan' }, covers).initial, 'J');
});
