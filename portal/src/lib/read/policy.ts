import { parseAmount } from '../amounts.ts';
import type { Ask } from '../ask.ts';
import { body } from '../grpsBackendClient.ts';
import type { Amount, Page, PolicyChange, PublicPolicy } from '../shapes.ts';
import { answer, type Question } from '../sources.ts';
import { pageOf } from './rows.ts';
import * as wire from './wire.ts';

/** How points are earned now. */
export function policy(ask: Ask) {
  return answer(ask, policyQuestion);
}

/** What each activated policy changed, newest first. */
export function changes(ask: Ask, after: string | null, limit: number) {
  return answer(ask, changesQuestion(after && /^\d{1,9}$/.test(after) ? after : null, limit));
}

/** The document of an activation: the same in the table and in the API. */
type Policy = wire.Body<'/policy'>;
/** A document of an older release has no multipliers. */
type Document = Pick<Policy, 'dailyCap' | 'weeklyCap' | 'events'> &
  Partial<Pick<Policy, 'multipliers'>>;
type Changes = wire.Body<'/policy/changes'>['changes'][number]['changes'];

export const policyQuestion: Question<PublicPolicy> = {
  key: 'policy',
  async fromDatabase(database) {
    const row = await database.policy_log.findFirstOrThrow({ orderBy: { number: 'desc' } });
    const document = row.document as unknown as Document;
    const { number, version } = row;
    return {
      value: { number, version, activatedAt: row.activated_at.toISOString(), ...rules(document) },
    };
  },
  async fromApi(api) {
    const data = body(await api.GET('/policy'));
    const { number, version } = data;
    return { value: { number, version, activatedAt: wire.time(data.activatedAt), ...rules(data) } };
  },
};

function rules({ dailyCap, weeklyCap, events, multipliers = [] }: Document) {
  return {
    dailyCap: parseAmount(dailyCap),
    weeklyCap: parseAmount(weeklyCap),
    multipliers: multipliers.map(multiplier),
    events: events.map((event) => ({
      type: event.type,
      weight: event.weight === null ? null : parseAmount(event.weight),
      weightByLevel: amounts(event.weightByLevel),
      counter: event.counter,
      cooldownSeconds: event.cooldownSeconds,
      shortestSeconds: event.shortestSeconds,
      recommends: event.recommends,
    })),
  };
}

function multiplier(given: Policy['multipliers'][number]) {
  const { name, factor, events, experiences } = given;
  return {
    name,
    startsAt: wire.time(given.startsAt),
    endsAt: wire.time(given.endsAt),
    factor: parseAmount(factor),
    events,
    experiences,
  };
}

function amounts(given: Record<string, number>): Record<string, Amount> {
  return Object.fromEntries(
    Object.entries(given).map(([level, points]) => [level, parseAmount(points)]),
  );
}

export function changesQuestion(after: string | null, limit: number): Question<Page<PolicyChange>> {
  return {
    key: `policy changes ${after} ${limit}`,
    async fromDatabase(database) {
      const found = await database.policy_log.findMany({
        ...(after && { where: { number: { lt: Number(after) } } }),
        orderBy: { number: 'desc' },
        take: limit + 1,
      });
      const page = pageOf(found, limit, (last) => String(last.number));
      const items = page.rows.map((row) => ({
        number: row.number,
        version: row.version,
        activatedAt: row.activated_at.toISOString(),
        changes: (row.changes as unknown as Changes).map(change),
      }));
      return { value: { items, next: page.next } };
    },
    async fromApi(api) {
      const query = { limit, ...(after && { after }) };
      const data = body(await api.GET('/policy/changes', { params: { query } }));
      const items = data.changes.map(({ number, version, activatedAt, changes: given }) => {
        return { number, version, activatedAt: wire.time(activatedAt), changes: given.map(change) };
      });
      return { value: { items, next: data.next } };
    },
  };
}

function change({ kind, subject, before, after }: Changes[number]) {
  return { kind, subject, before, after };
}
