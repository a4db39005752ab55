import { RankBadge, type RankLook } from '@/components/RankBadge';
import type { Words } from '@/lib/i18n';
import type { Player, Promotion } from '@/lib/shapes';

interface Props {
  words: Words;
  player: Player;
  /** Newest first. */
  promotions: Promotion[];
  looks: ReadonlyMap<string, RankLook>;
}

/** The promotions as a line through time, down to the day of joining. */
export function WaySoFar({ words, player, promotions, looks }: Props) {
  const { t } = words;
  return (
    <section className="card" aria-labelledby="way">
      <h2 id="way" className="mb-4">
        {t('player.promotions.title')}
      </h2>
      <ol className="way">
        {promotions.map(({ id, rank, rankSlug, promotedAt }) => (
          <li key={id}>
            <RankBadge rank={rank} size="large" {...looks.get(rankSlug)} />
            <time dateTime={promotedAt}>{words.day(promotedAt)}</time>
          </li>
        ))}
        <li>
          <span className="way-start">{t('player.promotions.joined')}</span>
          <time dateTime={player.joinedAt}>{words.day(player.joinedAt)}</time>
        </li>
      </ol>
    </section>
  );
}
