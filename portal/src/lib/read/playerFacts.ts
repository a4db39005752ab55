/** The shape `Player` from both sources. */
import { Prisma } from '../../generated/prisma/client.ts';
import { parseAmount } from '../amounts.ts';
import type { Amount, NextRank, Player } from '../shapes.ts';
import { dayOf, type RefRow, ref, refColumns } from './rows.ts';
import * as wire from './wire.ts';

export const playerColumns = Prisma.sql`
  ${refColumns}, (points * 100)::bigint AS points, level, rank_since, joined_at, position::int,
  total::int, percentile, change, kos::int, wos::int, (pace * 100)::bigint AS pace, streak,
  longest_streak, best_day, (best_day_points * 100)::bigint AS best_day_points, best_week,
  (best_week_points * 100)::bigint AS best_week_points, experiences, recommendations, synced_at,
  as_of`;

export interface PlayerRow extends RefRow {
  points: Amount;
  level: string;
  rank_since: Date;
  joined_at: Date;
  position: number;
  total: number;
  percentile: number | null;
  change: number | null;
  kos: number;
  wos: number;
  pace: Amount;
  streak: number;
  longest_streak: number;
  best_day: Date | null;
  best_day_points: Amount | null;
  best_week: string | null;
  best_week_points: Amount | null;
  experiences: { experience: string; name: string; points: number }[];
  recommendations: number;
  synced_at: Date;
  as_of: Date;
}

export function fromRow(row: PlayerRow): Player {
  const { best_day: day, best_day_points: ofDay, best_week: week, best_week_points: ofWeek } = row;
  return {
    ...ref(row),
    points: row.points,
    level: row.level,
    rankSince: row.rank_since.toISOString(),
    joinedAt: row.joined_at.toISOString(),
    position: row.position,
    total: row.total,
    percentile: row.percentile,
    change: row.change,
    kos: row.kos,
    wos: row.wos,
    pace: row.pace,
    streak: { current: row.streak, longest: row.longest_streak },
    bestDay: day && ofDay !== null ? { day: dayOf(day), amount: ofDay } : null,
    bestWeek: week && ofWeek !== null ? { week, amount: ofWeek } : null,
    experiences: row.experiences.map(experience),
    recommendations: row.recommendations,
    nextRank: undefined,
    lastSyncedAt: row.synced_at.toISOString(),
  };
}

type PlayerOut = wire.Body<'/players/{user_id}'>;

export function fromApi(given: PlayerOut): Player {
  const { bestDay: day, bestWeek: week } = given;
  return {
    ...wire.ref(given),
    points: parseAmount(given.points),
    level: given.level,
    rankSince: wire.time(given.rankSince),
    joinedAt: wire.time(given.joinedAt),
    position: given.position,
    total: given.total,
    percentile: given.percentile,
    change: given.change,
    kos: given.kos,
    wos: given.wos,
    pace: parseAmount(given.pace),
    streak: { current: given.streak.current, longest: given.streak.longest },
    bestDay: day && { day: day.day, amount: parseAmount(day.amount) },
    bestWeek: week && { week: week.week, amount: parseAmount(week.amount) },
    experiences: given.experiences.map(experience),
    recommendations: given.recommendations,
    nextRank: given.nextRank && nextRank(given.nextRank),
    lastSyncedAt: wire.time(given.lastSyncedAt),
  };
}

function experience(given: PlayerRow['experiences'][number]) {
  return {
    experience: given.experience,
    name: given.name,
    points: parseAmount(given.points),
  };
}

function nextRank(given: NonNullable<PlayerOut['nextRank']>): NextRank {
  const { have, missing } = given;
  return {
    name: given.name,
    slug: given.slug,
    minPoints: parseAmount(given.minPoints),
    minTimeDays: given.minTimeDays,
    requiredRecommendations: given.requiredRecommendations,
    privileged: given.privileged,
    have: { ...have, points: parseAmount(have.points) },
    missing: { ...missing, points: parseAmount(missing.points) },
    timeMetAt: wire.time(given.timeMetAt),
    expectedAt: given.expectedAt && wire.time(given.expectedAt),
  };
}
