/** Feeds of promotions, in English: feed readers send no language. */
import { createHash } from 'node:crypto';
import { brand } from './brand.ts';
import type { Feed, FeedEntry } from './feeds.ts';
import { translator } from './i18n.ts';
import { settings } from './settings.ts';
import type { Promotion } from './shapes.ts';

const t = translator('en');

/** The feed of all promotions. `file`: the feed's own address, such as `/feed.xml`. */
export function promotionFeed(promotions: Promotion[], file: string): Feed {
  return {
    title: t('feeds.title', { brand: brand().name }),
    description: t('feeds.description'),
    language: 'en',
    pageUrl: address('/promotions'),
    feedUrl: address(file),
    entries: promotions.map(entry),
  };
}

/** The feed of one player, whose names may be unknown without promotions. */
export function playerFeed(userId: string, player: string, promotions: Promotion[]): Feed {
  return {
    title: t('feeds.playerTitle', { brand: brand().name, player }),
    description: t('feeds.playerDescription', { player }),
    language: 'en',
    pageUrl: address(`/players/${userId}`),
    feedUrl: address(`/players/${userId}/feed.xml`),
    entries: promotions.map(entry),
  };
}

function entry(promotion: Promotion): FeedEntry {
  const { player, rank, fromRank } = promotion;
  const values = { player: player.displayName, rank, fromRank };
  return {
    id: `${settings().portalUrl}/promotions/${promotion.id}`,
    url: address(`/players/${player.userId}`),
    title: t('feeds.entry', values),
    text: t('feeds.entryText', values),
    publishedAt: promotion.promotedAt,
  };
}

function address(path: string): string {
  return new URL(path, settings().portalUrl).href;
}

/** Answer with a feed, or with 304 to a reader that has it. */
export function feedResponse(request: Request, type: string, body: string): Response {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const headers = { ETag: etag, 'Cache-Control': 'public, max-age=60' };
  if (request.headers.get('if-none-match')?.includes(etag))
    return new Response(null, { status: 304, headers });
  return new Response(body, { headers: { ...headers, 'Content-Type': type } });
}
