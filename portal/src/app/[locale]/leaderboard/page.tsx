import type { Metadata } from 'next';
import Link from 'next/link';
import { drawPage, orNull } from '@/app/drawPage';
import { Empty } from '@/components/Empty';
import { MyLine } from '@/components/Me';
import { Pager } from '@/components/Pager';
import { PlayerTable } from '@/components/PlayerTable';
import { looksOf } from '@/components/RankBadge';
import { StaleNote } from '@/components/StaleNote';
import { type Ask, currentAsk } from '@/lib/ask';
import { alternates, path, type Words, wordsOf } from '@/lib/i18n';
import { around, leaderboard } from '@/lib/read/leaderboard';
import { ranks } from '@/lib/read/ranks';
import type { Leaderboard } from '@/lib/shapes';
import {
  addressOf,
  nextPage,
  previousPage,
  readView,
  type SearchParams,
  type View,
} from './address';
import { Filters } from './Filters';
import { Heading } from './Heading';

const LIMIT = 25;
const SPAN = 12;

type Props = { params: Promise<{ locale: string }>; searchParams: Promise<SearchParams> };

export async function generateMetadata({ params, searchParams }: Props): Promise<Metadata> {
  const { locale } = await params;
  const { t } = wordsOf(locale);
  const view = readView(await searchParams);
  return {
    title: t('leaderboard.title'),
    description: t('leaderboard.description'),
    alternates: alternates(locale, addressOf({ ...view, around: null })),
    ...(view.around && { robots: { index: false } }),
  };
}

export default async function LeaderboardPage({ params, searchParams }: Props) {
  const { locale } = await params;
  const view = readView(await searchParams);
  return drawPage(locale, addressOf(view), async () => {
    const answers = await answersFor(view);
    const list = answers[0].value;
    return list && draw(wordsOf(locale), view, list, answers);
  });
}

type Answers = Awaited<ReturnType<typeof answersFor>>;
type List = Pick<Leaderboard, 'players' | 'total' | 'period' | 'next'>;

function draw(words: Words, view: View, list: List, answers: Answers) {
  const { t, locale } = words;
  const { players, total, period, next } = list;
  const ladder = answers[1]?.value ?? [];
  return (
    <>
      <StaleNote words={words} answers={answers} />
      <Heading words={words} view={view} total={total} period={period} players={players} />
      {!view.around && <Filters words={words} view={view} ranks={ladder} />}
      {players.length > 0 ? (
        <div className="card board-long">
          <PlayerTable
            words={words}
            players={players}
            by={view.by === 'points' && period ? 'earned' : view.by}
            caption={t('leaderboard.caption')}
            looks={looksOf(ladder)}
            {...(view.around && { highlight: view.around })}
          />
        </div>
      ) : (
        <Empty icon="trophy" title={t('leaderboard.emptyTitle')}>
          <p>{t('leaderboard.empty')}</p>
          <Link className="link" href={path(locale, '/leaderboard')} prefetch={false}>
            {t('leaderboard.emptyAll')}
          </Link>
        </Empty>
      )}
      <MyLine
        key={addressOf(view)}
        locale={locale}
        around={path(locale, '/leaderboard?around=')}
        jump={t('leaderboard.jump')}
      />
      <Pager
        label={t('leaderboard.pager')}
        previous={step(locale, previousPage(view), t('common.previous'))}
        next={step(locale, nextPage(view, next), t('common.next'))}
      />
    </>
  );
}

async function answersFor(view: View) {
  const ask = await currentAsk();
  return Promise.all([
    view.around ? neighbours(ask, view.around) : leaderboard(ask, { ...view, limit: LIMIT }),
    orNull(ranks(ask)),
  ]);
}

/** The list around a player, in the shape of the leaderboard. */
async function neighbours(ask: Ask, userId: string) {
  const answer = await around(ask, userId, SPAN);
  const players = answer.value?.players;
  return {
    ...answer,
    value: players ? { players, total: null, period: null, next: null } : null,
  };
}

function step(locale: string, href: string | null, words: string) {
  return href ? { href: path(locale, href), words } : null;
}
