import { currentAsk } from '@/lib/ask';
import { rss } from '@/lib/feeds';
import { feedResponse, promotionFeed } from '@/lib/promotionFeed';
import { promotions } from '@/lib/read/promotions';
import { orUnavailable } from '@/lib/routeAnswer';

const LIMIT = 50;

/** New promotions as RSS. */
export function GET(request: Request): Promise<Response> {
  return orUnavailable(request, async () => {
    const { value } = await promotions(await currentAsk(), null, LIMIT);
    const body = rss(promotionFeed(value.items, '/feed.xml'));
    return feedResponse(request, 'application/rss+xml; charset=utf-8', body);
  });
}
