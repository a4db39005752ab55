import { parseAmount } from '../amounts.ts';
import type { Ask } from '../ask.ts';
import type { Database } from '../database.ts';
import { found } from '../grpsBackendClient.ts';
import type { Day, HistoryEntry, Page, Player } from '../shapes.ts';
import { answer, type Question } from '../sources.ts';
import { checked, isUserId, parts } from './cursors.ts';
import { fromApi, fromRow, type PlayerRow, playerColumns } from './playerFacts.ts';
import { dayOf, pageOf } from './rows.ts';
import * as wire from './wire.ts';

/** A player, or null if there is none of this id on the lists. */
export function player(ask: Ask, userId: string) {
  return answer(ask, playerQuestion(valid(userId)));
}

/** The player's last `days` UTC days, oldest first. */
export function series(ask: Ask, userId: string, days: number) {
  return answer(ask, seriesQuestion(valid(userId), days));
}

/** Why the player has their points, newest first. */
export function history(ask: Ask, userId: string, after: string | null, limit: number) {
  return answer(ask, historyQuestion(valid(userId), checked('time', after), limit));
}

// Nobody has the id 0.
const valid = (userId: string) => (isUserId(userId) ? userId : '0');

export function playerQuestion(userId: string): Question<Player | null> {
  return {
    key: `player:${userId}`,
    // Only the API knows the rules of the next rank.
    first: 'api',
    async fromDatabase(database) {
      const [row] = await database.$queryRaw<PlayerRow[]>`
        SELECT ${playerColumns} FROM portal.player(${BigInt(userId)})`;
      return row ? { value: fromRow(row), asOf: row.as_of.toISOString() } : { value: null };
    },
    async fromApi(api) {
      const path = { user_id: wire.idParameter(userId) };
      const data = found(await api.GET('/players/{user_id}', { params: { path } }));
      return data ? { value: fromApi(data), asOf: wire.time(data.asOf) } : { value: null };
    },
  };
}

interface DayRow {
  day: Date;
  awarded: bigint;
  kos: number;
  wos: number;
  balance: bigint | null;
}

export function seriesQuestion(userId: string, days: number): Question<Day[] | null> {
  return {
    key: `series player:${userId} ${days}`,
    async fromDatabase(database) {
      const found = await database.$queryRaw<DayRow[]>`
        SELECT day, (awarded * 100)::bigint AS awarded, kos::int, wos::int,
               (balance * 100)::bigint AS balance
        FROM portal.series(${BigInt(userId)}, ${days}::int)`;
      if (found.length === 0) return { value: null };
      return { value: found.map((row) => ({ ...row, day: dayOf(row.day) })) };
    },
    async fromApi(api) {
      const path = { user_id: wire.idParameter(userId) };
      const data = found(
        await api.GET('/players/{user_id}/series', { params: { path, query: { days } } }),
      );
      if (!data) return { value: null };
      const value = data.days.map(({ day, awarded, kos, wos, balance }) => ({
        day,
        awarded: parseAmount(awarded),
        kos,
        wos,
        balance: balance === null ? null : parseAmount(balance),
      }));
      return { value, asOf: wire.time(data.asOf) };
    },
  };
}

interface HistoryRow {
  id: bigint;
  experience: string;
  experience_name: string;
  type: string;
  magnitude: number;
  awarded: bigint;
  occurred_at: Date;
  micros: bigint;
}

export function historyQuestion(
  userId: string,
  after: string | null,
  limit: number,
): Question<Page<HistoryEntry> | null> {
  return {
    key: `history player:${userId} ${after} ${limit}`,
    async fromDatabase(database) {
      return { value: await readHistory(database, userId, after, limit) };
    },
    async fromApi(api) {
      const path = { user_id: wire.idParameter(userId) };
      const query = { limit, ...(after && { after }) };
      const data = found(await api.GET('/players/{user_id}/history', { params: { path, query } }));
      if (!data) return { value: null };
      return { value: { items: data.entries.map(wire.historyEntry), next: data.next } };
    },
  };
}

async function readHistory(
  database: Database,
  userId: string,
  after: string | null,
  limit: number,
): Promise<Page<HistoryEntry> | null> {
  const cursor = parts('time', after);
  const [entries, listed] = await database.$transaction([
    database.$queryRaw<HistoryRow[]>`
      SELECT id, experience, experience_name, type, magnitude, (awarded * 100)::bigint AS awarded,
             occurred_at, (extract(epoch FROM occurred_at) * 1000000)::bigint AS micros
      FROM portal.history(${BigInt(userId)}, ${limit + 1}::int,
        to_timestamp(0) + ${cursor?.value ?? null}::bigint * interval '1 microsecond',
        ${cursor?.id ?? null}::bigint)`,
    database.$queryRaw<
      unknown[]
    >`SELECT 1 FROM portal.still_listed(ARRAY[${BigInt(userId)}]::bigint[])`,
  ]);
  if (listed.length === 0) return null;
  const page = pageOf(entries, limit, (last) => `${last.micros}:${last.id}`);
  return { items: page.rows.map(entry), next: page.next };
}

function entry(row: HistoryRow): HistoryEntry {
  return {
    id: row.id.toString(),
    experience: row.experience,
    experienceName: row.experience_name,
    type: row.type,
    magnitude: row.magnitude,
    awarded: row.awarded,
    occurredAt: row.occurred_at.toISOString(),
  };
}
