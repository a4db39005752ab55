import { currentAsk } from '@/lib/ask';
import { jsonFeed } from '@/lib/feeds';
import { feedResponse, promotionFeed } from '@/lib/promotionFeed';
import { promotions } from '@/lib/read/promotions';
import { orUnavailable } from '@/lib/routeAnswer';

const LIMIT = 50;

/** New promotions as a JSON Feed. */
export function GET(request: Request): Promise<Response> {
  return orUnavailable(request, async () => {
    const { value } = await promotions(await currentAsk(), null, LIMIT);
    const body = jsonFeed(promotionFeed(value.items, '/feed.json'));
    return feedResponse(request, 'application/feed+json; charset=utf-8', body);
  });
}
