/** Turns what the API answers into our shapes. */
import type { paths } from '../../generated/openapi.ts';
import { parseAmount } from '../amounts.ts';
import type { HistoryEntry, Line, Period, PlayerRef, Promotion } from '../shapes.ts';

export type Body<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { 'application/json': infer Answer } } } };
}
  ? Answer
  : never;

export type LineOut = Body<'/leaderboard/top'>['players'][number];
export type RefOut = Body<'/promotions'>['promotions'][number]['player'];
type PeriodOut = Body<'/periods'>['periods'][number];
type PromotionOut = Body<'/promotions'>['promotions'][number];

/** The specification says integer, but JavaScript's numbers lose digits of 64-bit ids. */
export function idParameter(userId: string): number {
  return userId as unknown as number;
}

/** A time in one notation, whatever the source: milliseconds and `Z`. */
export function time(text: string): string {
  return new Date(text).toISOString();
}

export function ref(given: RefOut): PlayerRef {
  return {
    userId: given.userIdString,
    username: given.username,
    displayName: given.displayName || given.username,
    rank: given.rank,
    rankSlug: given.rankSlug,
  };
}

export function line(given: LineOut): Line {
  return {
    ...ref(given),
    position: given.position,
    tied: given.tied,
    points: parseAmount(given.points),
    amount: parseAmount(given.amount),
    kos: given.kos,
    wos: given.wos,
    change: given.change,
    spark: given.spark.map(parseAmount),
    lastSyncedAt: time(given.lastSyncedAt),
  };
}

export function period(given: PeriodOut): Period {
  return {
    kind: given.kind,
    key: given.key,
    startsOn: given.startsOn,
    endsOn: given.endsOn,
    closedAt: given.closedAt && time(given.closedAt),
    players: given.players,
  };
}

export function promotion(given: PromotionOut): Promotion {
  return {
    id: given.id,
    player: ref(given.player),
    rank: given.rank,
    rankSlug: given.rankSlug,
    fromRank: given.fromRank,
    fromRankSlug: given.fromRankSlug,
    promotedAt: time(given.promotedAt),
  };
}

export function historyEntry(
  given: Body<'/players/{user_id}/history'>['entries'][number],
): HistoryEntry {
  return {
    id: given.id,
    experience: given.experience,
    experienceName: given.experienceName,
    type: given.type,
    magnitude: given.magnitude,
    awarded: parseAmount(given.awarded),
    occurredAt: time(given.occurredAt),
  };
}
