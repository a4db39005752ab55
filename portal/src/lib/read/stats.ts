import { parseAmount } from '../amounts.ts';
import type { Ask } from '../ask.ts';
import { body } from '../grpsBackendClient.ts';
import type { Stats } from '../shapes.ts';
import { answer, type Question } from '../sources.ts';
import { amountOf } from './rows.ts';
import * as wire from './wire.ts';

/** Figures of the whole community. */
export function stats(ask: Ask) {
  return answer(ask, statsQuestion);
}

export const statsQuestion: Question<Stats> = {
  key: 'stats',
  async fromDatabase(database) {
    const row = await database.stats.findFirstOrThrow();
    const value = {
      players: Number(row.players),
      pointsToday: amountOf(row.points_today),
      pointsWeek: amountOf(row.points_week),
      promotionsWeek: Number(row.promotions_week),
      activeToday: Number(row.active_today),
    };
    return { value, asOf: row.as_of.toISOString() };
  },
  async fromApi(api) {
    const data = body(await api.GET('/stats'));
    const value = {
      players: data.players,
      pointsToday: parseAmount(data.pointsToday),
      pointsWeek: parseAmount(data.pointsWeek),
      promotionsWeek: data.promotionsWeek,
      activeToday: data.activeToday,
    };
    return { value, asOf: wire.time(data.asOf) };
  },
};
