import Link from 'next/link';
import { path, type Words } from '@/lib/i18n';
import type { Rank } from '@/lib/shapes';
import { choose, type View } from './address';

const MEASURES = ['points', 'kos', 'wos'] as const;
const PERIODS = ['all', 'week', 'month', 'season'] as const;

interface Props {
  words: Words;
  view: View;
  ranks: Rank[];
}

/** The choices of the list: links, and a form for the rank, so that none of them needs script. */
export function Filters({ words, view, ranks }: Props) {
  const { t, locale } = words;
  const tab = (name: string, change: Partial<View>, current: boolean) => (
    <Link
      key={name}
      className="tab"
      href={path(locale, choose(view, change))}
      aria-current={current ? 'page' : undefined}
      prefetch={false}
    >
      {name}
    </Link>
  );
  return (
    <div className="filters">
      <nav className="tabs" aria-label={t('leaderboard.period.label')}>
        {PERIODS.map((period) =>
          tab(t(`leaderboard.period.${period}`), { period }, view.period === period),
        )}
      </nav>
      <nav className="tabs" aria-label={t('leaderboard.by.label')}>
        {MEASURES.map((by) => tab(t(`leaderboard.by.${by}`), { by }, view.by === by))}
      </nav>
      <RankForm words={words} view={view} ranks={ranks} />
      <Link className="link" href={path(locale, '/leaderboard/periods')} prefetch={false}>
        {t('leaderboard.archive')}
      </Link>
    </div>
  );
}

function RankForm({ words, view, ranks }: Props) {
  const { t, locale } = words;
  return (
    <form action={path(locale, '/leaderboard')} method="get" className="flex gap-2">
      {view.by !== 'points' && <input type="hidden" name="by" value={view.by} />}
      {view.period !== 'all' && <input type="hidden" name="period" value={view.period} />}
      <select
        key={view.rank}
        name="rank"
        className="field max-w-44"
        aria-label={t('leaderboard.rank')}
        defaultValue={view.rank ?? ''}
      >
        <option value="">{t('leaderboard.allRanks')}</option>
        {ranks
          .filter((rank) => rank.players > 0 || rank.slug === view.rank)
          .map((rank) => (
            <option key={rank.slug} value={rank.slug}>
              {rank.name}
            </option>
          ))}
      </select>
      <button type="submit" className="button">
        {t('leaderboard.show')}
      </button>
    </form>
  );
}
