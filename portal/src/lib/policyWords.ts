/** Words for the rules: names of events, and what a version of the policy changed. */
import type { MessageKey, Translate } from './i18n.ts';
import type { PolicyChange } from './shapes.ts';

type Change = PolicyChange['changes'][number];

const NUMBER = /^-?\d{1,12}(?:\.\d+)?$/;
const KINDS: Record<string, MessageKey> = {
  'rank.added': 'policyChanges.kinds.rankAdded',
  'rank.removed': 'policyChanges.kinds.rankRemoved',
  'rank.points': 'policyChanges.kinds.rankPoints',
  'rank.days': 'policyChanges.kinds.rankDays',
  'rank.recommendations': 'policyChanges.kinds.rankRecommendations',
  'event.added': 'policyChanges.kinds.eventAdded',
  'event.removed': 'policyChanges.kinds.eventRemoved',
  'event.weight': 'policyChanges.kinds.eventWeight',
  'event.cooldown': 'policyChanges.kinds.eventCooldown',
  'event.shortest': 'policyChanges.kinds.eventShortest',
  'cap.daily': 'policyChanges.kinds.capDaily',
  'cap.weekly': 'policyChanges.kinds.capWeekly',
  'multiplier.added': 'policyChanges.kinds.multiplierAdded',
  'multiplier.removed': 'policyChanges.kinds.multiplierRemoved',
  'multiplier.factor': 'policyChanges.kinds.multiplierFactor',
  'multiplier.from': 'policyChanges.kinds.multiplierFrom',
  'multiplier.to': 'policyChanges.kinds.multiplierTo',
  'multiplier.events': 'policyChanges.kinds.multiplierEvents',
  'multiplier.experiences': 'policyChanges.kinds.multiplierExperiences',
  'quota.added': 'policyChanges.kinds.quotaAdded',
  'quota.removed': 'policyChanges.kinds.quotaRemoved',
  'quota.minutes': 'policyChanges.kinds.quotaMinutes',
  'quota.attended': 'policyChanges.kinds.quotaAttended',
  'quota.hosted': 'policyChanges.kinds.quotaHosted',
  'quota.period': 'policyChanges.kinds.quotaPeriod',
  'quota.free': 'policyChanges.kinds.quotaFree',
  'hosted_event.added': 'policyChanges.kinds.hostedAdded',
  'hosted_event.removed': 'policyChanges.kinds.hostedRemoved',
  'hosted_event.award': 'policyChanges.kinds.hostedAward',
  'hosted_event.minutes': 'policyChanges.kinds.hostedMinutes',
  'leave.days': 'policyChanges.kinds.leaveDays',
  'leave.time': 'policyChanges.kinds.leaveTime',
  'join.age': 'policyChanges.kinds.joinAge',
};

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** The name of an event's type. A community's own `group_photo` becomes "Group photo". */
export function eventName(type: string, t: Translate): string {
  const key = `events.${type}`;
  const name = t(key as MessageKey);
  if (name !== key) return name;
  const plain = type.replaceAll('_', ' ');
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** A duration in the largest unit that fits it: "30 seconds", "1 hour". */
export function timeWords(locale: string, seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds % each === 0) ?? ['second', 1];
  const format = new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' });
  return format.format(seconds / size);
}

/** One change in words: "Captain I: 3,000 → 2,900 points". */
export function changeWords(change: Change, locale: string, t: Translate): string {
  const named = change.kind.startsWith('event.') || change.kind.startsWith('hosted_event.');
  const subject = named ? eventName(change.subject, t) : change.subject;
  return t(keyOf(change), { subject, change: beforeAndAfter(change, locale, t) });
}

function keyOf({ kind, after }: Change): MessageKey {
  if (kind === 'rank.privileged')
    return after === 'true'
      ? 'policyChanges.kinds.rankPrivilegedOn'
      : 'policyChanges.kinds.rankPrivilegedOff';
  if (after === null && kind === 'event.cooldown') return 'policyChanges.kinds.eventCooldownOff';
  if (after === null && kind === 'event.shortest') return 'policyChanges.kinds.eventShortestOff';
  if (after === null && kind === 'leave.days') return 'policyChanges.kinds.leaveOff';
  if (after === null && kind === 'join.age') return 'policyChanges.kinds.joinOff';
  if (after === null && kind === 'multiplier.events')
    return 'policyChanges.kinds.multiplierEventsAll';
  if (after === null && kind === 'multiplier.experiences')
    return 'policyChanges.kinds.multiplierExperiencesAll';
  return KINDS[kind] ?? 'policyChanges.kinds.unknown';
}

function beforeAndAfter({ before, after }: Change, locale: string, t: Translate): string {
  const [old, now] = [inLocale(before, locale), inLocale(after, locale)];
  if (old === null || now === null) return now ?? old ?? '';
  return t('policyChanges.arrow', { before: old, after: now });
}

function inLocale(value: string | null, locale: string): string | null {
  if (value === null || !NUMBER.test(value)) return value;
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 2 }).format(Number(value));
}
