import type { Metadata } from 'next';
import { drawPage, orNull } from '@/app/drawPage';
import { looksOf } from '@/components/RankBadge';
import { StaleNote } from '@/components/StaleNote';
import { currentAsk } from '@/lib/ask';
import { alternates, type Words, wordsOf } from '@/lib/i18n';
import { ofPlayer as eventsOf } from '@/lib/read/events';
import { around } from '@/lib/read/leaderboard';
import { history, player, series } from '@/lib/read/player';
import { policy } from '@/lib/read/policy';
import { ofPlayer } from '@/lib/read/promotions';
import { ranks } from '@/lib/read/ranks';
import { settings } from '@/lib/settings';
import type { Player } from '@/lib/shapes';
import { ActiveDays } from './ActiveDays';
import { Events } from './Events';
import { Experiences } from './Experiences';
import { History } from './History';
import { Neighbours } from './Neighbours';
import { NextRankCard } from './NextRankCard';
import { PlayerHeader } from './PlayerHeader';
import { PointsChart } from './PointsChart';
import { Share } from './Share';
import { WaySoFar } from './WaySoFar';

const DAYS = 182; // of the calendar: 26 weeks
const CHART_DAYS = 90;
const ENTRIES = 15;
const SPAN = 3;

interface Props {
  params: Promise<{ locale: string; userId: string }>;
  searchParams: Promise<{ history?: string | string[] }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale, userId } = await params;
  const { t, amount, number } = wordsOf(locale);
  const ask = await currentAsk();
  const value = (await orNull(player(ask, userId)))?.value;
  if (!value) return {};
  const ladder = (await orNull(ranks(ask)))?.value ?? [];
  const colour = ladder.find((rank) => rank.slug === value.rankSlug)?.colour;
  const title = t('player.title', { name: value.displayName, rank: value.rank });
  const description = t('player.description', {
    rank: value.rank,
    position: number(value.position),
    points: amount(value.points),
  });
  const card = { url: `/players/${userId}/card?lang=${locale}`, width: 1200, height: 630 };
  return {
    title,
    description,
    alternates: {
      ...alternates(locale, `/players/${userId}`),
      types: { 'application/rss+xml': `/players/${userId}/feed.xml` },
    },
    openGraph: { title, description, type: 'profile', images: [{ ...card, alt: description }] },
    twitter: { card: 'summary_large_image' },
    // The stripe beside the preview in Discord.
    ...(colour && { other: { 'theme-color': colour } }),
  };
}

export default async function PlayerPage({ params, searchParams }: Props) {
  const { locale, userId } = await params;
  const after = (await searchParams).history;
  const cursor = typeof after === 'string' ? after : null;
  return drawPage(locale, `/players/${userId}`, async () => {
    const answers = await answersFor(userId, cursor);
    const one = answers[0].value;
    return one && draw(wordsOf(locale), one, answers, cursor !== null);
  });
}

type Answers = Awaited<ReturnType<typeof answersFor>>;

function draw(words: Words, one: Player, answers: Answers, older: boolean) {
  const [, days, entries, promotions, neighbours, ladder, rules, events] = answers;
  const { userId } = one;
  const looks = looksOf(ladder?.value ?? []);
  return (
    <div className="grid gap-4">
      <StaleNote words={words} answers={answers} />
      <div className="grid gap-4 lg:grid-cols-2">
        <PlayerHeader words={words} player={one} look={looks.get(one.rankSlug)} />
        <NextRankCard words={words} player={one} looks={looks} />
      </div>
      {days?.value && (
        <>
          <PointsChart
            words={words}
            days={days.value.slice(-CHART_DAYS)}
            ranks={ladder?.value ?? []}
          />
          <ActiveDays words={words} player={one} days={days.value} />
        </>
      )}
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Experiences words={words} player={one} />
        <WaySoFar words={words} player={one} promotions={promotions?.value ?? []} looks={looks} />
      </div>
      {events?.value && events.value.length > 0 && <Events words={words} events={events.value} />}
      {entries?.value && (
        <History
          words={words}
          userId={userId}
          entries={entries.value}
          policy={rules?.value ?? null}
          older={older}
        />
      )}
      <Neighbours
        words={words}
        player={one}
        players={neighbours?.value?.players ?? []}
        looks={looks}
      />
      <Share words={words} userId={userId} site={settings().portalUrl} />
    </div>
  );
}

/** The player, and what may be missing while the page still says where they stand. */
async function answersFor(userId: string, cursor: string | null) {
  const ask = await currentAsk();
  return Promise.all([
    player(ask, userId),
    orNull(series(ask, userId, DAYS)),
    orNull(history(ask, userId, cursor, ENTRIES)),
    orNull(ofPlayer(ask, userId)),
    orNull(around(ask, userId, SPAN)),
    orNull(ranks(ask)),
    orNull(policy(ask)),
    orNull(eventsOf(ask, userId)),
  ]);
}
