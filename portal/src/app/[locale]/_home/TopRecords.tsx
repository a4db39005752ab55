import { Icon, type IconName } from '@/components/Icon';
import { PlayerName } from '@/components/PlayerTable';
import type { Words } from '@/lib/i18n';
import type { Amount, PlayerRef, Records } from '@/lib/shapes';

interface Props {
  words: Words;
  records: Records;
}

/** The best day, the best week and the longest streak, each with its holder. */
export function TopRecords({ words, records }: Props) {
  const { t } = words;
  const [day, week, streak] = [records.bestDay[0], records.bestWeek[0], records.longestStreak[0]];
  return (
    <ul className="list">
      <TopRecord words={words} icon="bolt" name={t('home.record.bestDay')} player={day?.player}>
        {day && points(words, day.amount)}
      </TopRecord>
      <TopRecord words={words} icon="trophy" name={t('home.record.bestWeek')} player={week?.player}>
        {week && points(words, week.amount)}
      </TopRecord>
      <TopRecord words={words} icon="flame" name={t('home.record.streak')} player={streak?.player}>
        {streak && t('common.days', { count: streak.days })}
      </TopRecord>
    </ul>
  );
}

interface RecordProps {
  words: Words;
  icon: IconName;
  name: string;
  player: PlayerRef | undefined;
  /** The record in words. */
  children: React.ReactNode;
}

function TopRecord({ words, icon, name, player, children }: RecordProps) {
  return (
    <li className="top-record">
      <span className="list-main">
        <span className="list-detail flex items-center gap-1">
          <Icon name={icon} size={14} />
          {name}
        </span>
        {player ? <PlayerName words={words} player={player} /> : words.t('home.recordEmpty')}
      </span>
      <span className="list-amount">{children}</span>
    </li>
  );
}

function points(words: Words, amount: Amount): string {
  return words.t('common.points', { points: words.amount(amount), count: Number(amount) / 100 });
}
