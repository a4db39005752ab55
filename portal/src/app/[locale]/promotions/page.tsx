import type { Metadata } from 'next';
import Link from 'next/link';
import { drawPage } from '@/app/drawPage';
import { Avatar } from '@/components/Avatar';
import { Empty } from '@/components/Empty';
import { Pager } from '@/components/Pager';
import { PageHead } from '@/components/Prose';
import { StaleNote } from '@/components/StaleNote';
import { currentAsk } from '@/lib/ask';
import { path, translator, type Words, wordsOf } from '@/lib/i18n';
import { pageMetadata } from '@/lib/pageMetadata';
import { promotions } from '@/lib/read/promotions';
import type { Promotion } from '@/lib/shapes';

const LIMIT = 25;

interface Props {
  params: Promise<{ locale: string }>;
  searchParams: Promise<{ after?: string | string[] }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const t = translator(locale);
  const about = { title: t('promotions.title'), description: t('promotions.description') };
  const metadata = pageMetadata(locale, '/promotions', about);
  const types = { 'application/rss+xml': '/feed.xml', 'application/feed+json': '/feed.json' };
  return { ...metadata, alternates: { ...metadata.alternates, types } };
}

export default async function Promotions({ params, searchParams }: Props) {
  const { locale } = await params;
  const { after } = await searchParams;
  const from = typeof after === 'string' ? after : null;
  return drawPage(locale, '/promotions', () => draw(locale, from));
}

async function draw(locale: string, from: string | null) {
  const answer = await promotions(await currentAsk(), from, LIMIT);
  const { items, next } = answer.value;
  const w = wordsOf(locale);
  const older = path(locale, `/promotions?${new URLSearchParams({ after: next ?? '' })}`);
  return (
    <>
      <PageHead title={w.t('promotions.title')} intro={w.t('promotions.intro')} />
      <StaleNote words={w} answers={[answer]} />
      {items.length === 0 && (
        <Empty title={w.t('promotions.empty')}>
          <Link href={path(locale, '/ranks')}>{w.t('policy.promotionsLink')}</Link>
        </Empty>
      )}
      <ol className="card promotion-list">
        {items.map((promotion) => (
          <PromotionLine key={promotion.id} words={w} promotion={promotion} />
        ))}
      </ol>
      <Pager
        label={w.t('promotions.title')}
        previous={
          from === null
            ? null
            : { href: path(locale, '/promotions'), words: w.t('promotions.newest') }
        }
        next={next === null ? null : { href: older, words: w.t('promotions.older') }}
      />
      <p className="mt-6 flex flex-wrap gap-4 text-muted">
        {w.t('promotions.subscribe')}
        <a className="link" href="/feed.xml">
          {w.t('promotions.rss')}
        </a>
        <a className="link" href="/feed.json">
          {w.t('promotions.json')}
        </a>
      </p>
    </>
  );
}

function PromotionLine({ words: w, promotion }: { words: Words; promotion: Promotion }) {
  const { player } = promotion;
  return (
    <li>
      <Avatar player={player} />
      <p>
        {w.t.rich('promotions.line', {
          player: (
            <Link
              className="font-semibold"
              href={path(w.locale, `/players/${player.userId}`)}
              prefetch={false}
            >
              <bdi>{player.displayName}</bdi>
            </Link>
          ),
          rank: (
            <Link
              className="link"
              href={path(w.locale, `/ranks/${promotion.rankSlug}`)}
              prefetch={false}
            >
              {promotion.rank}
            </Link>
          ),
        })}
        <span className="promotion-from">
          {w.t('promotions.from', { rank: promotion.fromRank })}
        </span>
      </p>
      <time dateTime={promotion.promotedAt} title={`${w.dateTime(promotion.promotedAt)} UTC`}>
        {w.relative(promotion.promotedAt)}
      </time>
    </li>
  );
}
