import { Prisma } from '../../generated/prisma/client.ts';
import { decimalText } from '../amounts.ts';
import type { Ask } from '../ask.ts';
import type { Database } from '../database.ts';
import { found } from '../grpsBackendClient.ts';
import type {
  Amount,
  Answer,
  Around,
  Leaderboard,
  LeaderboardQuery,
  Measure,
  Period,
  PeriodKind,
} from '../shapes.ts';
import { answer, type Question } from '../sources.ts';
import { checked, isSlug, isUserId, parts } from './cursors.ts';
import * as rows from './rows.ts';
import { lineColumns, pageOf } from './rows.ts';
import * as wire from './wire.ts';

/** The list of `query`, or null if there is no such period or rank. */
export async function leaderboard(
  ask: Ask,
  query: LeaderboardQuery,
): Promise<Answer<Leaderboard | null>> {
  // PostgreSQL and the API refuse some texts, and that would look as if they were away.
  if (!isPeriod(query.period) || (query.rank !== null && !isSlug(query.rank))) {
    return { value: null, from: 'database', asOf: new Date().toISOString(), stale: false };
  }
  return answer(ask, leaderboardQuestion({ ...query, after: checked('amount', query.after) }));
}

/** A player between up to `span` neighbours on each side, or null if the player is not listed. */
export async function around(ask: Ask, userId: string, span: number) {
  return answer(ask, aroundQuestion(isUserId(userId) ? userId : '0', span));
}

export function leaderboardQuestion(query: LeaderboardQuery): Question<Leaderboard | null> {
  const { by, period, rank, after, limit } = query;
  return {
    key: `leaderboard ${JSON.stringify([by, period, rank, after, limit])}`,
    async fromDatabase(database) {
      return { value: await read(database, query) };
    },
    async fromApi(api) {
      const data = found(
        await api.GET('/leaderboard/top', {
          params: { query: { by, period, limit, ...(rank && { rank }), ...(after && { after }) } },
        }),
      );
      if (!data) return { value: null };
      const { total, next } = data;
      const players = data.players.map(wire.line);
      const open = data.period && wire.period(data.period);
      return { value: { players, total, by, period: open, next }, asOf: wire.time(data.asOf) };
    },
  };
}

async function read(database: Database, query: LeaderboardQuery): Promise<Leaderboard | null> {
  const { by, rank, limit } = query;
  const named = query.period === 'all' ? null : await findPeriod(database, query.period);
  if (query.period !== 'all' && !named) return null;
  const ranked = rank ? await database.ranks.findUnique({ where: { slug: rank } }) : null;
  if (rank && !ranked) return null;
  const after = parts('amount', query.after);
  const cursor = Prisma.sql`${after?.value ?? null}::numeric, ${after?.id ?? null}::bigint`;
  const list = named
    ? Prisma.sql`portal.period_leaderboard(${named.kind}, ${named.key}, ${limit + 1}::int, ${cursor}, ${by}, ${rank})`
    : Prisma.sql`portal.leaderboard(${limit + 1}::int, ${cursor}, ${by}, ${rank})`;
  const found = await database.$queryRaw<rows.LineRow[]>`SELECT ${lineColumns} FROM ${list}`;
  const page = pageOf(found, limit, (last) => `${cursorText(by, last.amount)}:${last.id}`);
  const players = page.rows.map(rows.line);
  return {
    players,
    total: await total(database, query, named),
    by,
    period: named,
    next: page.next,
  };
}

/** The same text as the API's: points have decimals, counts have none. */
function cursorText(by: Measure, amount: Amount): string {
  return by === 'points' ? decimalText(amount) : (amount / 100n).toString();
}

const kinds: [PeriodKind, RegExp][] = [
  ['week', /^\d{4}-W\d\d$/],
  ['month', /^\d{4}-\d\d$/],
  ['season', /^\d{4}-S[1-4]$/],
];

function isPeriod(text: string): boolean {
  return text === 'all' || kinds.some(([kind, pattern]) => kind === text || pattern.test(text));
}

async function findPeriod(database: Database, period: string) {
  const open = kinds.find(([kind]) => kind === period)?.[0];
  const kind = open ?? kinds.find(([, pattern]) => pattern.test(period))?.[0];
  if (!kind) return null;
  const [row] = await database.$queryRaw<Prisma.periodsGetPayload<object>[]>`
    SELECT * FROM portal.period(${kind}, ${open ? null : period})`;
  return row ? rows.period(row) : null;
}

/** The number of players on the list, where it is known. */
async function total(database: Database, { by, rank }: LeaderboardQuery, named: Period | null) {
  const [row] = await database.$queryRaw<[{ total: number | null }]>`
    SELECT portal.list_total(${by}, ${named?.kind ?? null}, ${named?.key ?? null}, ${rank})::int AS total`;
  return row.total;
}

export function aroundQuestion(userId: string, span: number): Question<Around | null> {
  return {
    key: `around player:${userId} ${span}`,
    async fromDatabase(database) {
      const found = await database.$queryRaw<rows.LineRow[]>`
        SELECT ${lineColumns} FROM portal.around(${BigInt(userId)}, ${span}::int)`;
      return { value: found.length > 0 ? { players: found.map(rows.line) } : null };
    },
    async fromApi(api) {
      const path = { user_id: wire.idParameter(userId) };
      const data = found(
        await api.GET('/leaderboard/around/{user_id}', { params: { path, query: { span } } }),
      );
      if (!data) return { value: null };
      return { value: { players: data.players.map(wire.line) }, asOf: wire.time(data.asOf) };
    },
  };
}
