// biome-ignore-all lint/a11y/noRedundantRoles: a phone's layout takes the tags' own roles away
import Link from 'next/link';
import { path, type Words } from '@/lib/i18n';
import type { Line, Measure } from '@/lib/shapes';
import { Avatar } from './Avatar';
import { Change } from './Change';
import { Position } from './Position';
import { RankBadge, type RankLook } from './RankBadge';
import { Sparkline } from './Sparkline';

interface Props {
  words: Words;
  players: Line[];
  /** What the column of amounts counts. */
  by: Measure | 'earned';
  caption: string;
  /** The line of this player stands out, as on their own page. */
  highlight?: string;
  /** Colours of the insignia by the ranks' slugs. */
  looks?: ReadonlyMap<string, RankLook>;
  /** Leaves out the columns of two weeks and of the change. */
  short?: boolean;
}

/**
 * Players in their order. The roles are written out because a phone's layout, where each row
 * is a card, takes the table's own roles away in some browsers.
 */
export function PlayerTable({ short = false, ...props }: Props) {
  const { words, by, caption, players } = props;
  return (
    <table className={short ? 'board board-short' : 'board'} role="table">
      <caption className="sr-only">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          <Column name={words.t('common.columns.position')} className="col-position" />
          <Column name={words.t('common.columns.player')} className="col-player" />
          <Column name={words.t('common.columns.rank')} className="col-rank" />
          <Column name={words.t(`common.columns.${by}`)} className="col-amount" />
          {!short && <Column name={words.t('common.columns.days')} className="col-spark" />}
          {!short && <Column name={words.t('common.columns.change')} className="col-change" />}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {players.map((line) => (
          <Row key={line.userId} line={line} short={short} {...props} />
        ))}
      </tbody>
    </table>
  );
}

function Column({ name, className }: { name: string; className: string }) {
  return (
    <th role="columnheader" scope="col" className={className}>
      {name}
    </th>
  );
}

type RowProps = Pick<Props, 'words' | 'by' | 'highlight' | 'looks' | 'short'> & { line: Line };

function Row({ words, line, by, highlight, looks, short }: RowProps) {
  const own = line.userId === highlight;
  const look = looks?.get(line.rankSlug);
  return (
    <tr role="row" {...(own && { 'aria-current': 'true' })}>
      <td role="cell" className="col-position">
        <Position words={words} position={line.position} tied={line.tied} />
      </td>
      <td role="cell" className="col-player">
        <PlayerName words={words} player={line} />
      </td>
      <td role="cell" className="col-rank">
        <RankBadge rank={line.rank} tier={look?.tier} colour={look?.colour} />
      </td>
      <td role="cell" className="col-amount">
        <strong>{amountOf(words, line, by)}</strong>
        {(by === 'kos' || by === 'wos') && (
          <span className="unit" aria-hidden="true">
            {words.t(`common.units.${by}`)}
          </span>
        )}
      </td>
      {!short && (
        <td role="cell" className="col-spark">
          <Sparkline values={line.spark} label={sparkWords(words, line)} />
        </td>
      )}
      {!short && (
        <td role="cell" className="col-change">
          <Change words={words} change={line.change} />
        </td>
      )}
    </tr>
  );
}

interface NameProps {
  words: Words;
  player: Pick<Line, 'userId' | 'username' | 'displayName'>;
}

/** Avatar and names, as one link to the player's page. */
export function PlayerName({ words, player }: NameProps) {
  const differs = player.displayName !== player.username;
  return (
    <Link
      className="player"
      href={path(words.locale, `/players/${player.userId}`)}
      prefetch={false}
    >
      <Avatar player={player} size="small" />
      <span className="player-names">
        <bdi className="player-display">{player.displayName}</bdi>
        {differs && <bdi className="player-user">{`@${player.username}`}</bdi>}
      </span>
    </Link>
  );
}

function amountOf(words: Words, line: Line, by: Props['by']): string {
  return by === 'kos' || by === 'wos' ? words.number(line[by]) : words.amount(line.amount);
}

function sparkWords(words: Words, line: Line): string {
  const sum = line.spark.reduce((total, value) => total + value, 0n);
  return words.t('common.spark', { points: words.amount(sum) });
}
