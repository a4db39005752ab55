import { parseAmount } from '../amounts.ts';
import type { Ask } from '../ask.ts';
import { body } from '../grpsBackendClient.ts';
import type { Amount, Answer, Found, Page } from '../shapes.ts';
import { answer, type Question } from '../sources.ts';
import { type RefRow, ref, refColumns } from './rows.ts';
import * as wire from './wire.ts';

type Results = Page<Found> & { suggestions: string[] };

const longest = 50;
const cursor = /^[1-3]:[^\0]{0,50}:\d{1,18}$/u;

/** Players whose name starts with `text` (any case, former names too), or who have it as id. */
export async function search(
  ask: Ask,
  text: string,
  after: string | null,
  limit: number,
): Promise<Answer<Results>> {
  const prefix = text.trim();
  if (prefix === '' || prefix.length > longest || prefix.includes('\0')) return nothing();
  return answer(ask, searchQuestion(prefix, after && cursor.test(after) ? after : null, limit));
}

function nothing(): Answer<Results> {
  const value = { items: [], suggestions: [], next: null };
  return { value, from: 'database', asOf: new Date().toISOString(), stale: false };
}

interface FoundRow extends RefRow {
  points: Amount;
  matched: Found['matched'];
  matched_text: string;
  cursor: string;
}

export function searchQuestion(
  prefix: string,
  after: string | null,
  limit: number,
): Question<Results> {
  return {
    key: `search ${JSON.stringify([prefix, after, limit])}`,
    // What visitors type would fill the snapshot.
    kept: false,
    async fromDatabase(database) {
      const found = await database.$queryRaw<FoundRow[]>`
        SELECT ${refColumns}, (points * 100)::bigint AS points, matched, matched_text, cursor
        FROM portal.search(${prefix}, ${limit + 1}::int, ${after})`;
      const rows = found.slice(0, limit);
      const items = rows.map((row) => ({
        ...ref(row),
        points: row.points,
        matched: row.matched,
        matchedText: row.matched_text,
      }));
      const next = found.length > limit ? (rows.at(-1)?.cursor ?? null) : null;
      const near =
        items.length > 0 || after
          ? []
          : await database.$queryRaw<{ name: string }[]>`
              SELECT * FROM portal.suggestions(${prefix}) AS name`;
      return { value: { items, suggestions: near.map(({ name }) => name), next } };
    },
    async fromApi(api) {
      const query = { search: prefix, limit, ...(after && { after }) };
      const data = body(await api.GET('/players', { params: { query } }));
      const items = data.players.map((given) => ({
        ...wire.ref(given),
        points: parseAmount(given.points),
        matched: given.matched,
        matchedText: given.matchedText,
      }));
      return { value: { items, suggestions: data.suggestions, next: data.next } };
    },
  };
}
