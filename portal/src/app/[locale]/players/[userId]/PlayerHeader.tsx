import { Avatar } from '@/components/Avatar';
import { Change } from '@/components/Change';
import { Icon } from '@/components/Icon';
import { MeButton } from '@/components/Me';
import { RankBadge, type RankLook } from '@/components/RankBadge';
import { Stat } from '@/components/Stat';
import type { Words } from '@/lib/i18n';
import type { Player } from '@/lib/shapes';

interface Props {
  words: Words;
  player: Player;
  look: RankLook | undefined;
}

/** Who it is and where they stand. */
export function PlayerHeader({ words, player, look }: Props) {
  const { t } = words;
  return (
    <section className="card">
      <div className="flex items-start gap-4">
        <Avatar player={player} size="large" />
        <div className="min-w-0 flex-1">
          <h1>
            <bdi>{player.displayName}</bdi>
          </h1>
          <p className="truncate text-muted">
            <bdi>@{player.username}</bdi>
          </p>
          <p className="mt-1">
            <RankBadge rank={player.rank} size="large" {...look} />
          </p>
          <p className="text-sm text-muted">
            {t('player.since', { day: words.day(player.rankSince) })}
          </p>
        </div>
        <MeButton
          userId={player.userId}
          mark={t('player.me.mark')}
          marked={t('player.me.marked')}
        />
      </div>
      <Figures words={words} player={player} />
    </section>
  );
}

function Figures({ words, player }: Pick<Props, 'words' | 'player'>) {
  const { t, number, amount } = words;
  const { streak } = player;
  return (
    <dl className="stats stats-three mt-4">
      <Stat label={t('player.points')} value={amount(player.points)}>
        {t('player.pointsPace', { points: amount(player.pace) })}
      </Stat>
      <Stat
        label={t('player.place')}
        value={
          <>
            {number(player.position)}
            {player.change !== 0 && <Change words={words} change={player.change} />}
          </>
        }
      >
        {player.percentile === null
          ? t('player.placeOf', { total: player.total })
          : t('player.better', { percent: player.percentile })}
      </Stat>
      <Stat
        label={t('player.streak')}
        value={
          <>
            {streak.current > 0 && <Icon name="flame" size={22} className="text-flame" />}
            {number(streak.current)}
          </>
        }
      >
        {streak.current > 0
          ? t('player.streakDays', { count: streak.current })
          : t('player.streakStart')}
      </Stat>
    </dl>
  );
}
