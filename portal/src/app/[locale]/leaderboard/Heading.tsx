import Link from 'next/link';
import { lastDay, periodName } from '@/components/periodName';
import { path, type Words } from '@/lib/i18n';
import type { Line, Period } from '@/lib/shapes';
import type { View } from './address';

interface Props {
  words: Words;
  view: View;
  total: number | null;
  period: Period | null;
  players: Line[];
}

/** The title of the list, and below it how many players it has or how long its period runs. */
export function Heading({ words, view, total, period, players }: Props) {
  const { t, locale } = words;
  const own = players.find(({ userId }) => userId === view.around);
  return (
    <div className="mb-5">
      <h1>
        {own
          ? t('leaderboard.around', { name: own.displayName })
          : period
            ? periodName(words, period.key)
            : t('leaderboard.title')}
      </h1>
      <p className="mt-1 text-muted">
        {own ? (
          <Link className="link" href={path(locale, '/leaderboard')} prefetch={false}>
            {t('leaderboard.top')}
          </Link>
        ) : period ? (
          periodWords(words, period)
        ) : (
          total !== null && t('leaderboard.count', { count: total })
        )}
      </p>
    </div>
  );
}

function periodWords(words: Words, period: Period): string {
  const dates = { from: words.day(period.startsOn), to: words.day(lastDay(period.endsOn)) };
  return words.t(period.closedAt ? 'leaderboard.closed' : 'leaderboard.open', dates);
}
