import assert from 'node:assert/strict';
import { test } from 'node:test';
import { translator } from '../../src/lib/i18n.ts';
import { changeWords, eventName, timeWords } from '../../src/lib/policyWords.ts';

const t = translator('en');

const CHANGES: [string, string, string | null, string | null, string][] = [
  ['rank.points', 'Captain I', '3000', '2900.5', 'Captain I: 3,000 → 2,900.5 points'],
  ['rank.added', 'Skipper', null, '3200', 'Skipper: new rank, from 3,200 points'],
  ['rank.removed', 'Captain II', '3200', null, 'Captain II: no longer given'],
  [
    'rank.privileged',
    'Captain II',
    'false',
    'true',
    'Captain II: an officer now confirms this step',
  ],
  [
    'rank.privileged',
    'Captain II',
    'true',
    'false',
    'Captain II: now comes by itself, without an officer',
  ],
  [
    'event.weight',
    'recommendation',
    'CCM 20, CMD 10',
    'CMD 12',
    'Recommendation: CCM 20, CMD 10 → CMD 12 points',
  ],
  ['event.added', 'picnic', null, '0.5', 'Picnic: new, 0.5 points'],
  ['event.cooldown', 'ko', null, '30', 'KO: counts once every 30 seconds'],
  ['event.cooldown', 'ko', '30', null, 'KO: no pause between two any more'],
  ['cap.daily', '', '500', '1000', 'Most points a day: 500 → 1,000'],
  ['multiplier.added', 'Weekend', null, '1.5', 'Weekend: new, counts 1.5 times'],
  ['multiplier.events', 'Weekend', 'ko, wo', null, 'Weekend: for all events now'],
  ['multiplier.experiences', 'Weekend', 'nexus', null, 'Weekend: in all experiences now'],
  ['quota.minutes', 'Week', '60', '45', 'Quota Week: 60 → 45 minutes'],
  ['hosted_event.added', 'big_drill', null, 'training', 'Hosted event Big drill: new'],
  ['leave.days', '', '30', '45', 'Longest leave of absence: 30 → 45 days'],
  ['leave.days', '', '30', null, 'Leave of absence can no longer be asked for'],
  ['join.age', '', '14', null, 'Requests to join are no longer decided here'],
  ['rank.colour', 'Captain I', 'red', 'blue', 'Captain I: red → blue'],
];

for (const [kind, subject, before, after, words] of CHANGES) {
  test(words, () => {
    assert.equal(changeWords({ kind, subject, before, after }, 'en', t), words);
  });
}

test("a community's own event keeps its name", () => {
  assert.equal(eventName('group_photo', t), 'Group photo');
  assert.equal(eventName('training', t), 'Training completed');
});

test('a duration is told in its largest unit', () => {
  const words = [30, 300, 90, 3600, 86_400].map((seconds) => timeWords('en', seconds));
  assert.deepEqual(words, ['30 seconds', '5 minutes', '90 seconds', '1 hour', '1 day']);
});
