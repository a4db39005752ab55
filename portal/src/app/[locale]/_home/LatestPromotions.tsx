import { PlayerName } from '@/components/PlayerTable';
import { RankBadge, type RankLook } from '@/components/RankBadge';
import type { Words } from '@/lib/i18n';
import type { Promotion } from '@/lib/shapes';

interface Props {
  words: Words;
  promotions: Promotion[];
  looks: ReadonlyMap<string, RankLook>;
}

export function LatestPromotions({ words, promotions, looks }: Props) {
  if (promotions.length === 0)
    return <p className="text-muted">{words.t('home.promotionsEmpty')}</p>;
  return (
    <ul className="latest">
      {promotions.map(({ id, player, rank, rankSlug, promotedAt }) => (
        <li key={id}>
          <PlayerName words={words} player={player} />
          <span className="latest-rank">
            <RankBadge rank={rank} {...looks.get(rankSlug)} />
            <time className="list-detail" dateTime={promotedAt}>
              {words.date(promotedAt)}
            </time>
          </span>
        </li>
      ))}
    </ul>
  );
}
