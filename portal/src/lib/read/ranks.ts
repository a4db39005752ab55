import { parseAmount } from '../amounts.ts';
import type { Ask } from '../ask.ts';
import { body } from '../grpsBackendClient.ts';
import type { Rank } from '../shapes.ts';
import { answer, type Question } from '../sources.ts';
import { amountOf } from './rows.ts';
import * as wire from './wire.ts';

/** All public ranks, lowest first. */
export function ranks(ask: Ask) {
  return answer(ask, ranksQuestion);
}

export const ranksQuestion: Question<Rank[]> = {
  key: 'ranks',
  async fromDatabase(database) {
    const found = await database.ranks.findMany({ orderBy: { position: 'asc' } });
    const value = found.map((row) => ({
      name: row.name,
      slug: row.slug,
      level: row.level,
      position: row.position,
      role: row.role,
      minPoints: amountOf(row.min_points),
      minTimeDays: row.min_time_days,
      requiredRecommendations: row.required_recommendations,
      privileged: row.privileged,
      onLadder: row.on_ladder,
      retired: row.retired,
      description: row.description,
      colour: row.colour || null,
      players: Number(row.players),
    }));
    return { value };
  },
  async fromApi(api) {
    const data = body(await api.GET('/ranks'));
    const value = data.ranks.map((given) => ({
      name: given.name,
      slug: given.slug,
      level: given.level,
      position: given.position,
      role: given.role,
      minPoints: parseAmount(given.minPoints),
      minTimeDays: given.minTimeDays,
      requiredRecommendations: given.requiredRecommendations,
      privileged: given.privileged,
      onLadder: given.onLadder,
      retired: given.retired,
      description: given.description,
      colour: given.colour,
      players: given.players,
    }));
    return { value, asOf: wire.time(data.asOf) };
  },
};
