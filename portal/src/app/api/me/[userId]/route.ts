import { orNull } from '@/app/drawPage';
import { currentAsk } from '@/lib/ask';
import { wordsOf } from '@/lib/i18n';
import { player } from '@/lib/read/player';

type Context = { params: Promise<{ userId: string }> };

/** Where a player stands: in one line for the bar below the leaderboard, and the rank. */
export async function GET(request: Request, { params }: Context): Promise<Response> {
  const { userId } = await params;
  const value = (await orNull(player(await currentAsk(), userId)))?.value;
  if (!value) return new Response(null, { status: 404 });
  const words = wordsOf(new URL(request.url).searchParams.get('locale') ?? 'en');
  const summary = words.t('leaderboard.you', {
    position: value.position,
    points: words.amount(value.points),
  });
  return Response.json(
    { summary, rankSlug: value.rankSlug },
    { headers: { 'cache-control': 'no-store' } },
  );
}
