import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wordsOf } from '../../src/lib/i18n.ts';
import { current, multiplierLines } from '../../src/lib/multipliers.ts';
import type { Multiplier } from '../../src/lib/shapes.ts';

const NOW = new Date('2026-12-05T12:00:00Z');

function multiplier(name: string, startsAt: string, endsAt: string): Multiplier {
  return { name, startsAt, endsAt, factor: 150n, events: null, experiences: null };
}

const PAST = multiplier('Past', '2026-11-01T00:00:00Z', '2026-12-05T12:00:00Z');
const NOW_ON = multiplier('Weekend', '2026-12-05T00:00:00Z', '2026-12-07T00:00:00Z');
const LATER = { ...multiplier('Later', '2026-12-24T00:00:00Z', '2026-12-26T00:00:00Z') };

test('what is over is left out, and the next one comes first', () => {
  assert.deepEqual(current([LATER, PAST, NOW_ON], NOW), [NOW_ON, LATER]);
});

test('a line says how much, what for and until when', () => {
  const later = { ...LATER, events: ['training'], experiences: ['nexus'] };
  const lines = multiplierLines(wordsOf('en'), [NOW_ON, later], NOW);
  assert.deepEqual(
    lines.map((line) => line.inForce),
    [true, false],
  );
  assert.match(lines[0]?.text ?? '', /^All events count 1\.5 times, until 7 Dec 2026|Dec 7, 2026/);
  assert.match(lines[1]?.text ?? '', /Only in: nexus\.$/);
});
