import type { Metadata } from 'next';
import Link from 'next/link';
import { redirect } from 'next/navigation';
import { drawPage } from '@/app/drawPage';
import { Empty } from '@/components/Empty';
import { Pager } from '@/components/Pager';
import { PlayerName } from '@/components/PlayerTable';
import { PageHead } from '@/components/Prose';
import { Search } from '@/components/Search';
import { StaleNote } from '@/components/StaleNote';
import { currentAsk } from '@/lib/ask';
import { alternates, path, translator, type Words, wordsOf } from '@/lib/i18n';
import { search } from '@/lib/read/search';
import type { Found } from '@/lib/shapes';

const LIMIT = 25;
const LONGEST = 50;

interface Props {
  params: Promise<{ locale: string }>;
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}

export async function generateMetadata({ params, searchParams }: Props): Promise<Metadata> {
  const { locale } = await params;
  const t = translator(locale);
  const query = one((await searchParams)['q']);
  return {
    title: query ? t('search.titleFor', { query: query.slice(0, LONGEST) }) : t('search.title'),
    description: t('search.description'),
    // Lists of names are for people, not for search engines.
    robots: { index: query === '', follow: true },
    alternates: alternates(locale, '/search'),
  };
}

export default async function SearchPage({ params, searchParams }: Props) {
  const { locale } = await params;
  const { q, after } = await searchParams;
  const query = one(q);
  const again = `/search?${new URLSearchParams({ q: query.slice(0, LONGEST) })}`;
  return drawPage(locale, again, () => draw(wordsOf(locale), query, one(after) || null));
}

async function draw(w: Words, query: string, after: string | null) {
  const asked = query !== '' && query.length <= LONGEST;
  return (
    <>
      <PageHead title={w.t('search.title')} intro={w.t('search.hint')} />
      <Search
        action={path(w.locale, '/search')}
        locale={w.locale}
        label={w.t('search.label')}
        button={w.t('search.button')}
        value={query.slice(0, LONGEST)}
        large
      />
      {query.length > LONGEST && <p role="alert">{w.t('search.tooLong')}</p>}
      {asked && (await results(w, query, after))}
    </>
  );
}

function one(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? (value[0] ?? '') : (value ?? '')).trim();
}

async function results(w: Words, query: string, after: string | null) {
  const answer = await search(await currentAsk(), query, after, LIMIT);
  const { items, next, suggestions } = answer.value;
  const only = items.length === 1 && after === null && next === null ? items[0] : undefined;
  // A visitor who typed a whole id or name wants that page.
  if (only && isExact(only, query)) redirect(path(w.locale, `/players/${only.userId}`));
  if (items.length === 0) return <Nothing words={w} query={query} suggestions={suggestions} />;
  const more = new URLSearchParams({ q: query, after: next ?? '' });
  return (
    <section aria-label={w.t('search.results')} className="mt-6">
      <StaleNote words={w} answers={[answer]} />
      <p role="status" className="text-muted">
        {next === null && after === null
          ? w.t('search.found', { count: items.length })
          : w.t('search.results')}
      </p>
      <ul className="card found-list">
        {items.map((player) => (
          <FoundPlayer key={player.userId} words={w} player={player} />
        ))}
      </ul>
      <Pager
        label={w.t('search.more')}
        previous={null}
        next={
          next === null
            ? null
            : { href: path(w.locale, `/search?${more}`), words: w.t('search.more') }
        }
      />
    </section>
  );
}

function isExact(player: Found, query: string): boolean {
  const typed = query.toLowerCase();
  return player.userId === typed || player.username.toLowerCase() === typed;
}

function FoundPlayer({ words: w, player }: { words: Words; player: Found }) {
  const matched = player.matched === 'formerName' || player.matched === 'displayName';
  return (
    <li>
      <PlayerName words={w} player={player} />
      <span className="found-facts">
        {matched && (
          <bdi className="text-muted">
            {w.t(`search.${player.matched === 'formerName' ? 'formerName' : 'displayName'}`, {
              name: player.matchedText,
            })}
          </bdi>
        )}
        <span>{player.rank}</span>
        <span className="text-muted">
          {w.t('common.points', {
            points: w.amount(player.points),
            count: Number(player.points) / 100,
          })}
        </span>
      </span>
    </li>
  );
}

interface NothingProps {
  words: Words;
  query: string;
  suggestions: string[];
}

function Nothing({ words: w, query, suggestions }: NothingProps) {
  return (
    <Empty title={w.t('search.none', { query })}>
      {suggestions.length > 0 && (
        <>
          <p>{w.t('search.didYouMean')}</p>
          <ul className="suggested">
            {suggestions.map((name) => (
              <li key={name}>
                <Link
                  className="link"
                  href={path(w.locale, `/search?${new URLSearchParams({ q: name })}`)}
                >
                  <bdi>{name}</bdi>
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
      <p className="mt-3">{w.t('search.noneHelp')}</p>
    </Empty>
  );
}
