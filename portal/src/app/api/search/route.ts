import { orNull } from '@/app/drawPage';
import { currentAsk } from '@/lib/ask';
import { path, wordsOf } from '@/lib/i18n';
import { search } from '@/lib/read/search';

const MOST = 8;

/** Suggestions for the search field: names with the address of each player's page. */
export async function GET(request: Request): Promise<Response> {
  const asked = new URL(request.url).searchParams;
  const words = wordsOf(asked.get('locale') ?? 'en');
  const text = (asked.get('q') ?? '').trim().slice(0, 50);
  if (!text) return Response.json({ status: '', players: [] });
  const found = await orNull(search(await currentAsk(), text, null, MOST));
  const items = found?.value.items ?? [];
  return Response.json({
    status: found ? words.t('common.found', { count: items.length }) : '',
    players: items.map((player) => ({
      href: path(words.locale, `/players/${player.userId}`),
      name: player.displayName,
      detail: `@${player.username} · ${player.rank}`,
    })),
  });
}
