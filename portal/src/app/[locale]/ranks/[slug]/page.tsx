import type { Metadata } from 'next';
import Link from 'next/link';
import { drawPage, orNull } from '@/app/drawPage';
import { PlayerTable } from '@/components/PlayerTable';
import { Bullets, PageHead, Section } from '@/components/Prose';
import { ladderOf, looksOf, RankBadge, type RankLook } from '@/components/RankBadge';
import { asks } from '@/components/RankList';
import { StaleNote } from '@/components/StaleNote';
import { type Ask, currentAsk } from '@/lib/ask';
import { path, translator, type Words, wordsOf } from '@/lib/i18n';
import { pageMetadata } from '@/lib/pageMetadata';
import { leaderboard } from '@/lib/read/leaderboard';
import { ranks } from '@/lib/read/ranks';
import type { Leaderboard, Rank } from '@/lib/shapes';

const HOLDERS = 10;

type Props = { params: Promise<{ locale: string; slug: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale, slug } = await params;
  const all = await orNull(ranks(await currentAsk()));
  const found = all?.value.find((rank) => rank.slug === slug);
  if (!found) return {};
  const t = translator(locale);
  const description = found.description || t('rank.description', { rank: found.name });
  return {
    ...pageMetadata(locale, `/ranks/${slug}`, { title: found.name, description }),
    ...(found.colour && { other: { 'theme-color': found.colour } }),
  };
}

export default async function RankPage({ params }: Props) {
  const { locale, slug } = await params;
  return drawPage(locale, `/ranks/${encodeURIComponent(slug)}`, () => draw(locale, slug));
}

async function draw(locale: string, slug: string) {
  const ask = await currentAsk();
  const [all, holders] = await Promise.all([ranks(ask), orNull(holdersOf(ask, slug))]);
  const rank = all.value.find((each) => each.slug === slug);
  if (!rank) return null;
  const w = wordsOf(locale);
  const looks = looksOf(all.value);
  return (
    <>
      <PageHead
        title={<RankBadge rank={rank.name} {...looks.get(slug)} size="large" />}
        intro={rank.description || undefined}
      />
      <StaleNote words={w} answers={[all, holders]} />
      <Section title={w.t('rank.asks')}>
        <Requirements words={w} rank={rank} />
      </Section>
      <Holders words={w} rank={rank} found={holders?.value ?? null} looks={looks} />
      <Neighbours words={w} rank={rank} ladder={ladderOf(all.value)} />
    </>
  );
}

function holdersOf(ask: Ask, slug: string) {
  return leaderboard(ask, { by: 'points', period: 'all', rank: slug, after: null, limit: HOLDERS });
}

function Requirements({ words: w, rank }: { words: Words; rank: Rank }) {
  if (rank.retired) return <p>{w.t('rank.retired')}</p>;
  const items = asks(w, rank);
  if (items.length === 0) return <p>{w.t('rank.asksNothing')}</p>;
  const step = rank.privileged ? w.t('rank.privileged') : w.t('rank.automatic');
  return (
    <>
      <Bullets items={items} />
      <p>{rank.onLadder ? step : w.t('rank.sidePost')}</p>
    </>
  );
}

interface HoldersProps {
  words: Words;
  rank: Rank;
  found: Leaderboard | null;
  looks: ReadonlyMap<string, RankLook>;
}

function Holders({ words: w, rank, found, looks }: HoldersProps) {
  const players = found?.players ?? [];
  return (
    <section className="mt-8">
      <h2>{w.t('rank.holders')}</h2>
      <p className="mt-1 mb-3 text-muted">
        {rank.players === 0 && players.length === 0
          ? w.t('rank.noHolders')
          : w.t('rank.holdersCount', { count: rank.players })}
      </p>
      {players.length > 0 && (
        <PlayerTable
          words={w}
          players={players}
          by="points"
          caption={w.t('rank.holders')}
          looks={looks}
        />
      )}
      {found?.next && (
        <p className="mt-3">
          <Link className="link" href={path(w.locale, `/leaderboard?rank=${rank.slug}`)}>
            {w.t('rank.more')}
          </Link>
        </p>
      )}
    </section>
  );
}

function Neighbours({ words: w, rank, ladder }: { words: Words; rank: Rank; ladder: Rank[] }) {
  const index = ladder.indexOf(rank);
  const below = index > 0 ? ladder[index - 1] : undefined;
  const above = index >= 0 ? ladder[index + 1] : undefined;
  return (
    <nav className="mt-8 flex flex-wrap gap-x-6 gap-y-2" aria-label={w.t('rank.neighbours')}>
      {below && (
        <Link className="link" rel="prev" href={path(w.locale, `/ranks/${below.slug}`)}>
          {w.t('rank.below', { rank: below.name })}
        </Link>
      )}
      {above && (
        <Link className="link" rel="next" href={path(w.locale, `/ranks/${above.slug}`)}>
          {w.t('rank.above', { rank: above.name })}
        </Link>
      )}
      <Link className="link" href={path(w.locale, '/ranks')}>
        {w.t('rank.all')}
      </Link>
    </nav>
  );
}
