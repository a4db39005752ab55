import type { Metadata } from 'next';
import Link from 'next/link';
import { drawPage } from '@/app/drawPage';
import { lastDay, periodName } from '@/components/periodName';
import { StaleNote } from '@/components/StaleNote';
import { currentAsk } from '@/lib/ask';
import { alternates, path, type Words, wordsOf } from '@/lib/i18n';
import { periods } from '@/lib/read/periods';
import type { Period } from '@/lib/shapes';

const KINDS = ['season', 'month', 'week'] as const;
const LIMIT = 60;

type Props = { params: Promise<{ locale: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  return {
    title: wordsOf(locale).t('leaderboard.archive'),
    alternates: alternates(locale, '/leaderboard/periods'),
  };
}

/** Every week, month and season that has ended: their lists never change. */
export default async function PeriodsPage({ params }: Props) {
  const { locale } = await params;
  return drawPage(locale, '/leaderboard/periods', async () => {
    const words = wordsOf(locale);
    const { t } = words;
    const ask = await currentAsk();
    const answers = await Promise.all(KINDS.map((kind) => periods(ask, kind, null, LIMIT)));
    return (
      <>
        <StaleNote words={words} answers={answers} />
        <h1>{t('leaderboard.archive')}</h1>
        <p className="mt-1 mb-5 text-muted">{t('leaderboard.archiveLead')}</p>
        <div className="grid items-start gap-4 md:grid-cols-3">
          {KINDS.map((kind, index) => (
            <section key={kind} className="card" aria-labelledby={kind}>
              <h2 id={kind}>{t(`leaderboard.archiveKind.${kind}`)}</h2>
              <Periods words={words} periods={answers[index]?.value.items ?? []} />
            </section>
          ))}
        </div>
      </>
    );
  });
}

function Periods({ words, periods }: { words: Words; periods: Period[] }) {
  const { t, locale } = words;
  const closed = periods.filter(({ closedAt }) => closedAt);
  if (closed.length === 0)
    return <p className="mt-3 text-muted">{t('leaderboard.archiveEmpty')}</p>;
  return (
    <ul className="list mt-3">
      {closed.map((period) => (
        <li key={period.key}>
          <span className="list-main">
            <Link
              className="link font-semibold"
              href={path(locale, `/leaderboard?period=${period.key}`)}
              prefetch={false}
            >
              {periodName(words, period.key)}
            </Link>
            <span className="list-detail block">
              {words.date(period.startsOn)} – {words.date(lastDay(period.endsOn))}
            </span>
          </span>
          <span className="list-detail">{t('leaderboard.count', { count: period.players })}</span>
        </li>
      ))}
    </ul>
  );
}
