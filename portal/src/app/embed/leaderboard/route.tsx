import { LeaderboardEmbed } from '@/components/embed/LeaderboardEmbed';
import { currentAsk } from '@/lib/ask';
import { leaderboard } from '@/lib/read/leaderboard';
import { embedOptions, embedResponse } from '../response';

const query = { by: 'points', period: 'all', rank: null, after: null, limit: 10 } as const;

/** The best ten players, for a frame on another site. */
export async function GET(request: Request): Promise<Response> {
  const options = embedOptions(request);
  const ask = await currentAsk();
  return embedResponse(options, {
    title: options.t('common.pages.leaderboard'),
    ask: () => leaderboard(ask, query),
    draw: (found) => <LeaderboardEmbed key="list" players={found.players} {...options} />,
  });
}
