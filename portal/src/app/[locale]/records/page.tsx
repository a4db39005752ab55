import type { Metadata } from 'next';
import Link from 'next/link';
import { drawPage } from '@/app/drawPage';
import { PageHead } from '@/components/Prose';
import { RecordBoard, type RecordEntry } from '@/components/RecordBoard';
import { StaleNote } from '@/components/StaleNote';
import { currentAsk } from '@/lib/ask';
import { path, translator, type Words, wordsOf } from '@/lib/i18n';
import { pageMetadata } from '@/lib/pageMetadata';
import { records } from '@/lib/read/records';
import type { Amount, Line, PlayerRef, Records } from '@/lib/shapes';

const LIMIT = 5;
const DAY = 86_400;

type Props = { params: Promise<{ locale: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const t = translator(locale);
  const about = { title: t('records.title'), description: t('records.description') };
  return pageMetadata(locale, '/records', about);
}

export default async function RecordsPage({ params }: Props) {
  const { locale } = await params;
  return drawPage(locale, '/records', () => draw(locale));
}

async function draw(locale: string) {
  const answer = await records(await currentAsk(), LIMIT);
  const w = wordsOf(locale);
  return (
    <>
      <PageHead title={w.t('records.title')} intro={w.t('records.description')} />
      <StaleNote words={w} answers={[answer]} />
      <div className="record-grid">
        <Counts words={w} found={answer.value} />
        <Points words={w} found={answer.value} />
        <Times words={w} found={answer.value} />
      </div>
    </>
  );
}

interface PartProps {
  words: Words;
  found: Records;
}

function Counts({ words: w, found }: PartProps) {
  const entries = (lines: Line[], measure: 'kos' | 'wos') =>
    lines.map((line) => ({
      key: line.userId,
      player: line,
      value: w.number(line[measure]),
      position: line.position,
      tied: line.tied,
    }));
  return (
    <>
      <RecordBoard
        words={w}
        title={w.t('records.kos')}
        note={w.t('records.kosNote')}
        entries={entries(found.kos, 'kos')}
      />
      <RecordBoard
        words={w}
        title={w.t('records.wos')}
        note={w.t('records.wosNote')}
        entries={entries(found.wos, 'wos')}
      />
    </>
  );
}

function Points({ words: w, found }: PartProps) {
  const points = (amount: Amount) =>
    w.t('common.points', { points: w.amount(amount), count: Number(amount) / 100 });
  const days = found.bestDay.map(({ player, amount, day }) => ({
    player,
    score: amount,
    value: points(amount),
    detail: <time dateTime={day}>{w.day(day)}</time>,
  }));
  const weeks = found.bestWeek.map(({ player, amount, week }) => ({
    player,
    score: amount,
    value: points(amount),
    detail: weekWords(w, week),
  }));
  return (
    <>
      <RecordBoard
        words={w}
        title={w.t('records.bestDay')}
        note={w.t('records.bestDayNote')}
        entries={placed(days)}
      />
      <RecordBoard
        words={w}
        title={w.t('records.bestWeek')}
        note={w.t('records.bestWeekNote')}
        entries={placed(weeks)}
      />
    </>
  );
}

function Times({ words: w, found }: PartProps) {
  const streaks = found.longestStreak.map(({ player, days, endedOn }) => ({
    player,
    score: BigInt(days),
    value: w.t('common.days', { count: days }),
    detail: w.t('records.until', { day: w.day(endedOn) }),
  }));
  const climbs = found.fastest.map(({ player, rank, rankSlug, seconds }) => ({
    key: rankSlug,
    player,
    value: duration(w.locale, seconds),
    detail: <Link href={path(w.locale, `/ranks/${rankSlug}`)}>{rank}</Link>,
    position: 1,
    tied: false,
  }));
  return (
    <>
      <RecordBoard
        words={w}
        title={w.t('records.longestStreak')}
        note={w.t('records.longestStreakNote')}
        entries={placed(streaks)}
      />
      <RecordBoard
        words={w}
        title={w.t('records.fastest')}
        note={w.t('records.fastestNote')}
        entries={climbs}
        ranked={false}
      />
    </>
  );
}

type Scored = { player: PlayerRef; score: bigint; value: string; detail: RecordEntry['detail'] };

/** Give places to a list in descending order: equal scores share one. */
function placed(list: Scored[]): RecordEntry[] {
  return list.map(({ player, score, value, detail }) => {
    const position = 1 + list.filter((other) => other.score > score).length;
    const tied = list.filter((other) => other.score === score).length > 1;
    return { key: player.userId, player, value, detail, position, tied };
  });
}

/** "2026-W48" in words. */
function weekWords(w: Words, key: string): string {
  const [year = '', week = ''] = key.split('-W');
  return w.t('records.week', { year, week: String(Number(week)) });
}

function duration(locale: string, seconds: number): string {
  const [value, unit] = seconds < DAY ? [seconds / 3600, 'hour'] : [seconds / DAY, 'day'];
  const format = { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 } as const;
  return new Intl.NumberFormat(locale, format).format(Math.max(1, Math.floor(value)));
}
