import { PlayerEmbed } from '@/components/embed/PlayerEmbed';
import { currentAsk } from '@/lib/ask';
import { player } from '@/lib/read/player';
import { embedOptions, embedResponse } from '../../response';

type Context = { params: Promise<{ userId: string }> };

/** A player's points, rank and next rank, for a frame on another site. */
export async function GET(request: Request, { params }: Context): Promise<Response> {
  const options = embedOptions(request);
  const { userId } = await params;
  const ask = await currentAsk();
  return embedResponse(options, {
    title: options.t('embed.profile'),
    ask: () => player(ask, userId),
    draw: (found) => <PlayerEmbed key="player" player={found} {...options} />,
  });
}
