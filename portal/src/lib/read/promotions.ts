import type { Ask } from '../ask.ts';
import { body, found } from '../grpsBackendClient.ts';
import type { Page, Promotion } from '../shapes.ts';
import { answer, type Question } from '../sources.ts';
import { checked, isUserId, parts } from './cursors.ts';
import * as rows from './rows.ts';
import { pageOf, promotionColumns } from './rows.ts';
import * as wire from './wire.ts';

/** The latest promotions, newest first. */
export function promotions(ask: Ask, after: string | null, limit: number) {
  return answer(ask, promotionsQuestion(checked('time', after), limit));
}

/** A player's promotions, newest first, or null if the player is not listed. */
export function ofPlayer(ask: Ask, userId: string) {
  return answer(ask, ofPlayerQuestion(isUserId(userId) ? userId : '0'));
}

export function promotionsQuestion(after: string | null, limit: number): Question<Page<Promotion>> {
  const cursor = parts('time', after);
  return {
    key: `promotions ${after} ${limit}`,
    async fromDatabase(database) {
      const found = await database.$queryRaw<rows.PromotionRow[]>`
        SELECT ${promotionColumns} FROM portal.latest_promotions(${limit + 1}::int,
          to_timestamp(0) + ${cursor?.value ?? null}::bigint * interval '1 microsecond',
          ${cursor?.id ?? null}::bigint)`;
      const page = pageOf(found, limit, (last) => `${last.micros}:${last.id}`);
      return { value: { items: page.rows.map(rows.promotion), next: page.next } };
    },
    async fromApi(api) {
      const query = { limit, ...(after && { after }) };
      const data = body(await api.GET('/promotions', { params: { query } }));
      return { value: { items: data.promotions.map(wire.promotion), next: data.next } };
    },
  };
}

export function ofPlayerQuestion(userId: string): Question<Promotion[] | null> {
  return {
    key: `promotions player:${userId}`,
    async fromDatabase(database) {
      const id = BigInt(userId);
      const [found, listed] = await database.$transaction([
        database.$queryRaw<rows.PromotionRow[]>`
          SELECT ${promotionColumns} FROM portal.promotions_of(${id})`,
        database.$queryRaw<unknown[]>`SELECT 1 FROM portal.still_listed(ARRAY[${id}]::bigint[])`,
      ]);
      return { value: listed.length > 0 ? found.map(rows.promotion) : null };
    },
    async fromApi(api) {
      const path = { user_id: wire.idParameter(userId) };
      const data = found(await api.GET('/players/{user_id}/promotions', { params: { path } }));
      return { value: data?.promotions.map(wire.promotion) ?? null };
    },
  };
}
