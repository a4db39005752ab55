import type { Metadata } from 'next';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { drawPage, orNull } from '@/app/drawPage';
import { canJoin, JoinLinks } from '@/app/JoinLinks';
import { Empty } from '@/components/Empty';
import { Ladder } from '@/components/Ladder';
import { Multipliers } from '@/components/Multipliers';
import { PlayerTable } from '@/components/PlayerTable';
import { ladderOf, looksOf, type RankLook } from '@/components/RankBadge';
import { Search } from '@/components/Search';
import { StaleNote } from '@/components/StaleNote';
import { Stat } from '@/components/Stat';
import { UpcomingEvents } from '@/components/UpcomingEvents';
import { currentAsk } from '@/lib/ask';
import { alternates, path, type Words, wordsOf } from '@/lib/i18n';
import { current, isInForce, multiplierLines } from '@/lib/multipliers';
import { upcoming } from '@/lib/read/events';
import { leaderboard } from '@/lib/read/leaderboard';
import { policy } from '@/lib/read/policy';
import { promotions } from '@/lib/read/promotions';
import { ranks } from '@/lib/read/ranks';
import { records } from '@/lib/read/records';
import { stats } from '@/lib/read/stats';
import type { Line, PublicPolicy, Stats } from '@/lib/shapes';
import { LatestPromotions } from './_home/LatestPromotions';
import { TopRecords } from './_home/TopRecords';

const TOP = { by: 'points', period: 'all', rank: null, after: null, limit: 5 } as const;

type Props = { params: Promise<{ locale: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { alternates: alternates((await params).locale, '/') };
}

export default async function Home({ params }: Props) {
  const { locale } = await params;
  return drawPage(locale, '/', async () => draw(wordsOf(locale), await answersFor()));
}

type Answers = Awaited<ReturnType<typeof answersFor>>;

function draw(words: Words, answers: Answers) {
  const { t } = words;
  const [top, best, ladder, figures, latest, rules, events] = answers;
  const looks = looksOf(ladder?.value ?? []);
  return (
    <div className="grid gap-4">
      <StaleNote words={words} answers={answers} />
      <Hero words={words} />
      {rules && <InForce words={words} rules={rules.value} />}
      {events && events.value.length > 0 && (
        <section className="card" aria-labelledby="events">
          <h2 id="events" className="mb-3">
            {t('home.events.title')}
          </h2>
          <UpcomingEvents words={words} events={events.value} />
        </section>
      )}
      {figures && <Week words={words} figures={figures.value} />}
      <div className="grid items-start gap-4 lg:grid-cols-[3fr_2fr]">
        <Part words={words} title={t('home.top')} more={t('home.topAll')} href="/leaderboard">
          <Top words={words} players={top.value?.players ?? []} looks={looks} />
        </Part>
        {best && (
          <Part words={words} title={t('home.records')} more={t('home.recordsAll')} href="/records">
            <TopRecords words={words} records={best.value} />
          </Part>
        )}
      </div>
      {ladder && (
        <Part words={words} title={t('home.ladder')} more={t('home.ladderAll')} href="/ranks">
          <Ladder words={words} ranks={ladderOf(ladder.value)} label={t('home.ladderLabel')} />
        </Part>
      )}
      {latest && (
        <Part
          words={words}
          title={t('home.promotions')}
          more={t('home.promotionsAll')}
          href="/promotions"
        >
          <LatestPromotions words={words} promotions={latest.value.items} looks={looks} />
        </Part>
      )}
      {canJoin() && (
        <section className="card">
          <h2>{t('about.join')}</h2>
          <p className="mt-1">{t('about.joinText')}</p>
          <JoinLinks t={t} />
        </section>
      )}
    </div>
  );
}

async function answersFor() {
  const ask = await currentAsk();
  return Promise.all([
    leaderboard(ask, TOP),
    orNull(records(ask, 1)),
    orNull(ranks(ask)),
    orNull(stats(ask)),
    orNull(promotions(ask, null, 6)),
    orNull(policy(ask)),
    orNull(upcoming(ask)),
  ]);
}

interface TopProps {
  words: Words;
  players: Line[];
  looks: ReadonlyMap<string, RankLook>;
}

function Top({ words, players, looks }: TopProps) {
  const { t } = words;
  if (players.length === 0)
    return (
      <Empty icon="trophy" title={t('home.emptyTitle')}>
        <p>{t('home.empty')}</p>
      </Empty>
    );
  return (
    <PlayerTable
      words={words}
      players={players}
      by="points"
      caption={t('home.top')}
      looks={looks}
      short
    />
  );
}

function Hero({ words }: { words: Words }) {
  const { t, locale } = words;
  return (
    <section className="hero">
      <h1>{t('home.title')}</h1>
      <p>{t('home.lead')}</p>
      <Search
        large
        action={path(locale, '/search')}
        locale={locale}
        label={t('home.findLabel')}
        button={t('home.find')}
      />
    </section>
  );
}

/** The multipliers in force, and those that begin within three days. */
function InForce({ words, rules }: { words: Words; rules: PublicPolicy }) {
  const now = new Date();
  const soon = now.getTime() + 3 * 86_400_000;
  const shown = current(rules.multipliers, now).filter(
    (one) => isInForce(one, now) || Date.parse(one.startsAt) < soon,
  );
  if (shown.length === 0) return null;
  return (
    <section className="card" aria-label={words.t('policy.multiplier.title')}>
      <Multipliers words={words} lines={multiplierLines(words, shown, now)} />
    </section>
  );
}

function Week({ words, figures }: { words: Words; figures: Stats }) {
  const { t, number, amount } = words;
  return (
    <section className="card" aria-label={t('home.statsTitle')}>
      <dl className="stats">
        <Stat label={t('home.stats.players')} value={number(figures.players)} />
        <Stat label={t('home.stats.active')} value={number(figures.activeToday)} />
        <Stat label={t('home.stats.points')} value={amount((figures.pointsWeek / 100n) * 100n)} />
        <Stat label={t('home.stats.promotions')} value={number(figures.promotionsWeek)} />
      </dl>
    </section>
  );
}

interface PartProps {
  words: Words;
  title: string;
  more: string;
  href: string;
  children: ReactNode;
}

/** A part of the page with a way to the whole of it. */
function Part({ words, title, more, href, children }: PartProps) {
  return (
    <section className="card" aria-labelledby={href.slice(1)}>
      <div className="card-head">
        <h2 id={href.slice(1)}>{title}</h2>
        <Link className="link" href={path(words.locale, href)} prefetch={false}>
          {more}
        </Link>
      </div>
      {children}
    </section>
  );
}
