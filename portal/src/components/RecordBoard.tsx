import type { ReactNode } from 'react';
import type { Words } from '@/lib/i18n';
import type { PlayerRef } from '@/lib/shapes';
import { PlayerName } from './PlayerTable';
import { Position } from './Position';

export interface RecordEntry {
  key: string;
  player: PlayerRef;
  /** The record: "1,234 KOs". */
  value: string;
  /** When it was, or for which rank. */
  detail?: ReactNode;
  position: number;
  tied: boolean;
}

interface Props {
  words: Words;
  title: string;
  note: string;
  entries: RecordEntry[];
  /** Whether the places mean something. */
  ranked?: boolean;
}

/** The best players at one thing. */
export function RecordBoard({ words, title, note, entries, ranked = true }: Props) {
  return (
    <section className={ranked ? 'card record' : 'card record record-unranked'}>
      <h2>{title}</h2>
      <p className="record-words">{note}</p>
      {entries.length === 0 && <p>{words.t('records.empty')}</p>}
      <ol>
        {entries.map((entry) => (
          <li key={entry.key}>
            {ranked && <Position words={words} position={entry.position} tied={entry.tied} />}
            <PlayerName words={words} player={entry.player} />
            <span className="record-value">
              <strong>{entry.value}</strong>
              {entry.detail && <span className="text-muted">{entry.detail}</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
