import { PlayerName } from '@/components/PlayerTable';
import type { Words } from '@/lib/i18n';
import type { Player } from '@/lib/shapes';

interface Props {
  words: Words;
  a: Player;
  b: Player;
}

const ROWS = [
  'rank',
  'points',
  'position',
  'pace',
  'kos',
  'wos',
  'streak',
  'bestDay',
  'joined',
] as const;

/** The figures of both, side by side. The larger one is bold, and nobody loses. */
export function Figures({ words, a, b }: Props) {
  const { t } = words;
  return (
    <div className="card">
      <table className="pair-table">
        <caption className="sr-only">
          {t('compare.caption', { a: a.displayName, b: b.displayName })}
        </caption>
        <thead>
          <tr>
            <td />
            <th scope="col">
              <PlayerName words={words} player={a} />
            </th>
            <th scope="col">
              <PlayerName words={words} player={b} />
            </th>
          </tr>
        </thead>
        <tbody>
          {ROWS.map((row) => {
            const ahead = order(row, a, b);
            return (
              <tr key={row}>
                <th scope="row">{t(`compare.rows.${row}`)}</th>
                <td className={ahead > 0 ? 'ahead' : undefined}>{figure(words, row, a)}</td>
                <td className={ahead < 0 ? 'ahead' : undefined}>{figure(words, row, b)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

type Row = (typeof ROWS)[number];

function figure(words: Words, row: Row, player: Player): string {
  switch (row) {
    case 'rank':
      return player.rank;
    case 'joined':
      return words.day(player.joinedAt);
    case 'streak':
      return words.t('common.days', { count: player.streak.longest });
    case 'bestDay':
      return words.amount(player.bestDay?.amount ?? 0n);
    case 'points':
    case 'pace':
      return words.amount(player[row]);
    default:
      return words.number(player[row]);
  }
}

/** Above zero when the first is ahead, below when the second is, 0 where nobody can be. */
function order(row: Row, a: Player, b: Player): number {
  switch (row) {
    case 'rank':
    case 'joined':
    case 'wos':
      return 0;
    case 'position':
      return b.position - a.position;
    case 'streak':
      return a.streak.longest - b.streak.longest;
    case 'bestDay':
      return Number((a.bestDay?.amount ?? 0n) - (b.bestDay?.amount ?? 0n));
    default:
      return Number(a[row]) - Number(b[row]);
  }
}
