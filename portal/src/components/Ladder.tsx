import Link from 'next/link';
import { path, type Words } from '@/lib/i18n';
import type { Rank } from '@/lib/shapes';
import { RankBadge, tierOf } from './RankBadge';

interface Props {
  words: Words;
  /** From the lowest to the highest. */
  ranks: Rank[];
  label: string;
}

/** The ladder as a strip that scrolls sideways where it is too narrow. */
export function Ladder({ words, ranks, label }: Props) {
  return (
    <ol className="ladder" aria-label={label}>
      {ranks.map((rank, index) => (
        <li key={rank.slug}>
          <Link
            className="ladder-step"
            href={path(words.locale, `/ranks/${rank.slug}`)}
            prefetch={false}
          >
            <RankBadge
              rank={rank.name}
              tier={tierOf(index, ranks.length)}
              colour={rank.colour}
              size="large"
            />
            <span className="ladder-points">
              {words.t('common.points', {
                points: words.amount(rank.minPoints),
                count: Number(rank.minPoints) / 100,
              })}
            </span>
          </Link>
        </li>
      ))}
    </ol>
  );
}
