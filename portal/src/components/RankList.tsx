import Link from 'next/link';
import { path, type Words } from '@/lib/i18n';
import type { Rank } from '@/lib/shapes';
import { looksOf, RankBadge } from './RankBadge';

interface Props {
  words: Words;
  /** From the lowest to the highest. */
  ranks: Rank[];
  /** All ranks, for the shares of players and the colours. */
  all: Rank[];
}

/** Ranks with what they ask for and how many players hold them. */
export function RankList({ words, ranks, all }: Props) {
  const total = all.reduce((sum, rank) => sum + rank.players, 0);
  const looks = looksOf(all);
  const most = Math.max(1, ...all.map((rank) => rank.players));
  return (
    <ol className="card rank-list">
      {ranks.map((rank) => (
        <li key={rank.slug} data-rank={rank.slug}>
          <Link
            href={path(words.locale, `/ranks/${rank.slug}`)}
            prefetch={false}
            className="rank-name"
          >
            <RankBadge
              rank={rank.name}
              tier={looks.get(rank.slug)?.tier}
              colour={rank.colour}
              size="large"
            />
            <span className="rank-here">{words.t('ranks.here')}</span>
          </Link>
          <span className="rank-asks">{asks(words, rank).join(' · ')}</span>
          <span className="rank-players">
            {/* The words beside it say the same. */}
            <progress className="bar" value={rank.players} max={most} aria-hidden="true" />
            <span>{words.t('ranks.holders', { count: rank.players })}</span>
            <span className="text-muted">{share(words, rank.players, total)}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}

/** What a rank asks for, in words: "3,000 points", "18 days". */
export function asks({ t, amount }: Words, rank: Rank): string[] {
  const points = Number(rank.minPoints) / 100;
  return [
    rank.minPoints > 0n
      ? t('common.points', { points: amount(rank.minPoints), count: points })
      : '',
    rank.minTimeDays > 0 ? t('rank.days', { count: rank.minTimeDays }) : '',
    rank.requiredRecommendations > 0
      ? t('rank.recommendations', { count: rank.requiredRecommendations })
      : '',
  ].filter((text) => text !== '');
}

function share(words: Words, players: number, total: number): string {
  const format = new Intl.NumberFormat(words.locale, {
    style: 'percent',
    maximumFractionDigits: 1,
  });
  return format.format(total === 0 ? 0 : players / total);
}
