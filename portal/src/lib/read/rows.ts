/** Turns rows of the schema `portal` into our shapes. */

import type { periods } from '../../generated/prisma/client.ts';
import { Prisma } from '../../generated/prisma/client.ts';
import { parseAmount } from '../amounts.ts';
import type { Amount, Line, Period, PeriodKind, PlayerRef, Promotion } from '../shapes.ts';

/** Amounts are read as whole hundredths and ids as text, so that no digit is lost. */
export const refColumns = Prisma.sql`user_id::text, username, display_name, rank, rank_slug`;

export const lineColumns = Prisma.sql`
  id, position::int, tied, ${refColumns}, (points * 100)::bigint AS points,
  (amount * 100)::bigint AS amount, kos::int, wos::int, change,
  ARRAY(SELECT (awarded * 100)::bigint FROM unnest(spark) AS awarded) AS spark, synced_at`;

export const promotionColumns = Prisma.sql`
  id, user_id::text, username, display_name, present_rank, present_rank_slug, rank, rank_slug,
  from_rank, from_rank_slug, promoted_at, (extract(epoch FROM promoted_at) * 1000000)::bigint AS micros`;

export interface RefRow {
  user_id: string;
  username: string;
  display_name: string;
  rank: string;
  rank_slug: string;
}

export interface LineRow extends RefRow {
  id: bigint;
  position: number;
  tied: boolean;
  points: Amount;
  amount: Amount;
  kos: number;
  wos: number;
  change: number | null;
  spark: Amount[];
  synced_at: Date;
}

export interface PromotionRow extends RefRow {
  id: bigint;
  present_rank: string;
  present_rank_slug: string;
  from_rank: string;
  from_rank_slug: string;
  promoted_at: Date;
  micros: bigint;
}

export function ref(row: RefRow): PlayerRef {
  return {
    userId: row.user_id,
    username: row.username,
    displayName: row.display_name || row.username,
    rank: row.rank,
    rankSlug: row.rank_slug,
  };
}

export function line(row: LineRow): Line {
  return {
    ...ref(row),
    position: row.position,
    tied: row.tied,
    points: row.points,
    amount: row.amount,
    kos: row.kos,
    wos: row.wos,
    change: row.change,
    spark: row.spark,
    lastSyncedAt: row.synced_at.toISOString(),
  };
}

export function promotion(row: PromotionRow): Promotion {
  return {
    id: row.id.toString(),
    player: ref({ ...row, rank: row.present_rank, rank_slug: row.present_rank_slug }),
    rank: row.rank,
    rankSlug: row.rank_slug,
    fromRank: row.from_rank,
    fromRankSlug: row.from_rank_slug,
    promotedAt: row.promoted_at.toISOString(),
  };
}

export function period(row: periods): Period {
  return {
    kind: row.kind as PeriodKind,
    key: row.key,
    startsOn: dayOf(row.starts_on),
    endsOn: dayOf(row.ends_on),
    closedAt: row.closed_at?.toISOString() ?? null,
    players: row.players,
  };
}

export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

export function amountOf(decimal: Prisma.Decimal): Amount {
  return parseAmount(decimal.toFixed());
}

/** A page of at most `limit` rows out of `limit + 1`, and the cursor of the next one. */
export function pageOf<Row>(rows: Row[], limit: number, cursor: (last: Row) => string) {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { rows: page, next: rows.length > limit && last !== undefined ? cursor(last) : null };
}
