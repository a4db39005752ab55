import type { Words } from './i18n.ts';
import { eventName } from './policyWords.ts';
import type { Multiplier } from './shapes.ts';

/** Those that are in force or to come, the next one first. */
export function current(multipliers: Multiplier[], now: Date): Multiplier[] {
  return multipliers
    .filter((one) => Date.parse(one.endsAt) > now.getTime())
    .sort((one, other) => one.startsAt.localeCompare(other.startsAt));
}

export function isInForce(one: Multiplier, now: Date): boolean {
  return Date.parse(one.startsAt) <= now.getTime() && now.getTime() < Date.parse(one.endsAt);
}

export interface MultiplierLine {
  name: string;
  text: string;
  inForce: boolean;
}

/** Each multiplier in words. */
export function multiplierLines(
  words: Words,
  multipliers: Multiplier[],
  now: Date,
): MultiplierLine[] {
  return multipliers.map((one) => ({
    name: one.name,
    text: multiplierWords(words, one, now),
    inForce: isInForce(one, now),
  }));
}

/** "Events count 2 times until 7 Dec 2026, 00:00 UTC." */
function multiplierWords(words: Words, one: Multiplier, now: Date): string {
  const { t, amount, dateTime, list } = words;
  const what = one.events
    ? list(one.events.map((type) => eventName(type, t)))
    : t('policy.multiplier.all');
  const values = {
    what,
    factor: amount(one.factor),
    from: dateTime(one.startsAt),
    until: dateTime(one.endsAt),
  };
  const key = isInForce(one, now) ? 'policy.multiplier.now' : 'policy.multiplier.coming';
  const where = one.experiences
    ? ` ${t('policy.multiplier.where', { games: list(one.experiences) })}`
    : '';
  return `${t(key, values)}${where}`;
}
