import { ImageResponse } from 'next/og';
import { orNull } from '@/app/drawPage';
import { PlayerCard } from '@/components/card/PlayerCard';
import { currentAsk } from '@/lib/ask';
import { brand } from '@/lib/brand';
import { Cache } from '@/lib/card/cache';
import { cardColour } from '@/lib/card/colour';
import { cardFonts } from '@/lib/card/fonts';
import { cardTexts } from '@/lib/card/texts';
import { isLocale, translator } from '@/lib/i18n';
import { player } from '@/lib/read/player';
import { ranks } from '@/lib/read/ranks';
import type { Player } from '@/lib/shapes';

type Context = { params: Promise<{ userId: string }> };

const size = { width: 1200, height: 630 };
const pictures = new Cache<ArrayBuffer>(200, 3_600_000);

/** Draw a player's card, for previews of links. `?lang=de` chooses the language. */
export async function GET(request: Request, { params }: Context): Promise<Response> {
  const lang = new URL(request.url).searchParams.get('lang') ?? 'en';
  const locale = isLocale(lang) ? lang : 'en';
  const ask = await currentAsk();
  const answer = await orNull(player(ask, (await params).userId));
  if (answer === null) return new Response(null, { status: 503, headers: { 'Retry-After': '5' } });
  const found = answer.value;
  if (found === null) return new Response('This player is not on the lists.', { status: 404 });
  const ladder = (await orNull(ranks(ask)))?.value ?? [];
  const colour = cardColour(ladder.find((rank) => rank.slug === found.rankSlug)?.colour ?? null);
  const picture = await pictures.get(key(found, colour, locale), () => draw(found, colour, locale));
  return new Response(picture, {
    // A short time, so that a person who asked to be forgotten is gone soon.
    headers: { 'Content-Type': 'image/png', 'Cache-Control': 'public, max-age=60' },
  });
}

async function draw(found: Player, colour: string, locale: string): Promise<ArrayBuffer> {
  const { fonts, covers } = await cardFonts();
  const texts = cardTexts(found, translator(locale), locale, covers);
  const site = [...brand().name].filter(covers).join('') || 'GRPS';
  const card = <PlayerCard site={site} colour={colour} texts={texts} />;
  return new ImageResponse(card, { ...size, fonts }).arrayBuffer();
}

/** Everything that the picture shows. */
function key(found: Player, colour: string, locale: string): string {
  const { userId, username, displayName, rank, points, position, total, nextRank } = found;
  const next = [nextRank?.name, nextRank?.missing.points, nextRank?.expectedAt?.slice(0, 10)];
  return [locale, colour, userId, username, displayName, rank, points, position, total, next].join(
    '\u0000',
  );
}
