import { Prisma } from '../../generated/prisma/client.ts';
import { parseAmount } from '../amounts.ts';
import type { Ask } from '../ask.ts';
import type { Database } from '../database.ts';
import { body } from '../grpsBackendClient.ts';
import type { Amount, Records } from '../shapes.ts';
import { answer, type Question } from '../sources.ts';
import { dayOf, type LineRow, line, lineColumns, type RefRow, ref, refColumns } from './rows.ts';
import * as wire from './wire.ts';

/** The best `limit` players of each board, and who was fastest to each rank. */
export function records(ask: Ask, limit: number) {
  return answer(ask, recordsQuestion(limit));
}

interface RecordRow extends RefRow {
  amount: Amount;
  day: Date;
  week: string;
  for_rank: string;
  for_rank_slug: string;
}

export function recordsQuestion(limit: number): Question<Records> {
  return {
    key: `records ${limit}`,
    async fromDatabase(database) {
      return { value: await read(database, limit) };
    },
    async fromApi(api) {
      const data = body(await api.GET('/leaderboard/records', { params: { query: { limit } } }));
      const value = {
        kos: data.kos.map(wire.line),
        wos: data.wos.map(wire.line),
        bestDay: data.bestDay.map(({ player, amount, day }) => {
          return { player: wire.ref(player), amount: parseAmount(amount), day };
        }),
        bestWeek: data.bestWeek.map(({ player, amount, week }) => {
          return { player: wire.ref(player), amount: parseAmount(amount), week };
        }),
        longestStreak: data.longestStreak.map(({ player, days, endedOn }) => {
          return { player: wire.ref(player), days, endedOn };
        }),
        fastest: data.fastest.map(({ player, rank, rankSlug, seconds }) => {
          return { player: wire.ref(player), rank, rankSlug, seconds };
        }),
      };
      return { value, asOf: wire.time(data.asOf) };
    },
  };
}

async function read(database: Database, limit: number): Promise<Records> {
  const most = (count: string) => database.$queryRaw<LineRow[]>`
    SELECT ${lineColumns} FROM portal.leaderboard(${limit}::int, NULL, NULL, ${count})`;
  const best = (kind: string) => database.$queryRaw<RecordRow[]>`
    SELECT ${refColumns}, (amount * 100)::bigint AS amount, day, week, for_rank, for_rank_slug
    FROM portal.records(${kind}, ${limit}::int)`;
  // One transaction, so that all boards are of one moment.
  const [kos, wos, days, weeks, streaks, fastest] = await database.$transaction(
    [
      most('kos'),
      most('wos'),
      best('best_day'),
      best('best_week'),
      best('longest_streak'),
      best('fastest'),
    ],
    { isolationLevel: Prisma.TransactionIsolationLevel.RepeatableRead },
  );
  return {
    kos: kos.map(line),
    wos: wos.map(line),
    bestDay: days.map((row) => ({ player: ref(row), amount: row.amount, day: dayOf(row.day) })),
    bestWeek: weeks.map((row) => ({ player: ref(row), amount: row.amount, week: row.week })),
    longestStreak: streaks.map((row) => ({
      player: ref(row),
      days: whole(row.amount),
      endedOn: dayOf(row.day),
    })),
    fastest: fastest.map((row) => ({
      player: ref(row),
      rank: row.for_rank,
      rankSlug: row.for_rank_slug,
      seconds: whole(row.amount),
    })),
  };
}

function whole(amount: Amount): number {
  return Number(amount / 100n);
}
