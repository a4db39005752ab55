import { drawPage } from '@/app/drawPage';
import { currentAsk } from '@/lib/ask';
import { formats, translator } from '@/lib/i18n';
import { leaderboard } from '@/lib/read/leaderboard';

export default async function Home({ params }: { params: Promise<{ locale: string }> }) {
  const { locale } = await params;
  const t = translator(locale);
  return drawPage(locale, '/', async () => {
    const query = { by: 'points', period: 'all', rank: null, after: null, limit: 5 } as const;
    const { value } = await leaderboard(await currentAsk(), query);
    const { amount } = formats(locale);
    return (
      <>
        <h1 className="text-2xl font-bold">{t('common.site')}</h1>
        <ol>
          {value?.players.map((line) => (
            <li key={line.userId}>
              {line.displayName}: {amount(line.points)}
            </li>
          ))}
        </ol>
      </>
    );
  });
}
