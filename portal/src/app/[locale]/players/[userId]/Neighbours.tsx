import Link from 'next/link';
import { PlayerTable } from '@/components/PlayerTable';
import type { RankLook } from '@/components/RankBadge';
import { path, type Words } from '@/lib/i18n';
import type { Line, Player } from '@/lib/shapes';

interface Props {
  words: Words;
  player: Player;
  players: Line[];
  looks: ReadonlyMap<string, RankLook>;
}

/** The players just above and below. */
export function Neighbours({ words, player, players, looks }: Props) {
  const { t, locale } = words;
  if (players.length < 2) return null;
  return (
    <section className="card" aria-labelledby="around">
      <div className="card-head">
        <h2 id="around">{t('player.around.title')}</h2>
        <Link
          className="link"
          href={path(locale, `/leaderboard?around=${player.userId}`)}
          prefetch={false}
        >
          {t('player.around.all')}
        </Link>
      </div>
      <PlayerTable
        words={words}
        players={players}
        by="points"
        caption={t('player.around.caption')}
        highlight={player.userId}
        looks={looks}
      />
    </section>
  );
}
