import { currentAsk } from '@/lib/ask';
import { rss } from '@/lib/feeds';
import { feedResponse, playerFeed } from '@/lib/promotionFeed';
import { player } from '@/lib/read/player';
import { ofPlayer } from '@/lib/read/promotions';
import { orUnavailable } from '@/lib/routeAnswer';

type Context = { params: Promise<{ userId: string }> };

/** The promotions of a player as RSS. */
export function GET(request: Request, { params }: Context): Promise<Response> {
  return orUnavailable(request, async () => {
    const { userId } = await params;
    const ask = await currentAsk();
    const [found, promotions] = await Promise.all([player(ask, userId), ofPlayer(ask, userId)]);
    if (!found.value || !promotions.value) return new Response(null, { status: 404 });
    const body = rss(playerFeed(userId, found.value.displayName, promotions.value));
    return feedResponse(request, 'application/rss+xml; charset=utf-8', body);
  });
}
