import type { Metadata } from 'next';
import Link from 'next/link';
import { drawPage } from '@/app/drawPage';
import { Empty } from '@/components/Empty';
import { MyRank } from '@/components/Me';
import { PageHead } from '@/components/Prose';
import { ladderOf } from '@/components/RankBadge';
import { RankList } from '@/components/RankList';
import { StaleNote } from '@/components/StaleNote';
import { currentAsk } from '@/lib/ask';
import { path, translator, wordsOf } from '@/lib/i18n';
import { pageMetadata } from '@/lib/pageMetadata';
import { ranks } from '@/lib/read/ranks';

type Props = { params: Promise<{ locale: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const t = translator(locale);
  const about = { title: t('ranks.title'), description: t('ranks.description') };
  return pageMetadata(locale, '/ranks', about);
}

export default async function Ranks({ params }: Props) {
  const { locale } = await params;
  return drawPage(locale, '/ranks', () => draw(locale));
}

async function draw(locale: string) {
  const answer = await ranks(await currentAsk());
  const w = wordsOf(locale);
  const given = answer.value.filter((rank) => !rank.retired);
  const ladder = ladderOf(given);
  const beside = given.filter((rank) => !rank.onLadder);
  return (
    <>
      <PageHead title={w.t('ranks.title')} intro={w.t('ranks.intro')} />
      <StaleNote words={w} answers={[answer]} />
      {ladder.length === 0 && <Empty title={w.t('ranks.empty')}>{w.t('ranks.emptyText')}</Empty>}
      <RankList words={w} ranks={ladder} all={given} />
      <MyRank locale={locale} />
      {beside.length > 0 && (
        <section>
          <h2 className="mt-8">{w.t('ranks.sidePosts')}</h2>
          <p className="mt-1 mb-3 text-muted">{w.t('ranks.sidePostsIntro')}</p>
          <RankList words={w} ranks={beside} all={given} />
        </section>
      )}
      <p className="mt-6">
        <Link className="link" href={path(locale, '/policy')}>
          {w.t('ranks.howPoints')}
        </Link>
      </p>
    </>
  );
}
