import { ratio } from '@/lib/amounts';
import { formats, path, type Translate } from '@/lib/i18n';
import type { NextRank, Player } from '@/lib/shapes';

type Props = { player: Player; locale: string; t: Translate };

export function PlayerEmbed({ player, locale, t }: Props) {
  const { amount, number } = formats(locale);
  return (
    <>
      <h1>
        <bdi>{player.displayName || player.username}</bdi>
      </h1>
      <p>{player.rank}</p>
      <dl>
        <div>
          <dt>{t('embed.points')}</dt>
          <dd>{amount(player.points)}</dd>
        </div>
        <div>
          <dt>{t('embed.position')}</dt>
          <dd>{number(player.position)}</dd>
        </div>
      </dl>
      {player.nextRank && <Next nextRank={player.nextRank} locale={locale} t={t} />}
      <a href={path(locale, `/players/${player.userId}`)} target="_blank" rel="noopener">
        {t('embed.profile')}
      </a>
    </>
  );
}

function Next({ nextRank, locale, t }: Omit<Props, 'player'> & { nextRank: NextRank }) {
  const points = formats(locale).amount(nextRank.missing.points);
  const words = t('embed.next', { points, rank: nextRank.name });
  return (
    <>
      <progress
        max={1}
        value={ratio(nextRank.have.points, nextRank.minPoints)}
        aria-label={words}
      />
      <p>{words}</p>
    </>
  );
}
