import type { Ask } from '../ask.ts';
import { body } from '../grpsBackendClient.ts';
import type { Page, Period, PeriodKind } from '../shapes.ts';
import { answer, type Question } from '../sources.ts';
import * as rows from './rows.ts';
import { pageOf } from './rows.ts';
import * as wire from './wire.ts';

const key = /^\d{4}-(?:W\d\d|\d\d|S[1-4])$/;

/** Weeks, months or seasons, newest first. */
export function periods(ask: Ask, kind: PeriodKind, after: string | null, limit: number) {
  return answer(ask, periodsQuestion(kind, after && key.test(after) ? after : null, limit));
}

export function periodsQuestion(
  kind: PeriodKind,
  after: string | null,
  limit: number,
): Question<Page<Period>> {
  return {
    key: `periods ${kind} ${after} ${limit}`,
    async fromDatabase(database) {
      const found = await database.periods.findMany({
        where: { kind, ...(after && { key: { lt: after } }) },
        orderBy: { key: 'desc' },
        take: limit + 1,
      });
      const page = pageOf(found, limit, (last) => last.key);
      return { value: { items: page.rows.map(rows.period), next: page.next } };
    },
    async fromApi(api) {
      const query = { kind, limit, ...(after && { after }) };
      const data = body(await api.GET('/periods', { params: { query } }));
      return { value: { items: data.periods.map(wire.period), next: data.next } };
    },
  };
}
