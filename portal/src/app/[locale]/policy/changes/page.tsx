import type { Metadata } from 'next';
import Link from 'next/link';
import { drawPage } from '@/app/drawPage';
import { Empty } from '@/components/Empty';
import { Pager } from '@/components/Pager';
import { Bullets, PageHead } from '@/components/Prose';
import { StaleNote } from '@/components/StaleNote';
import { currentAsk } from '@/lib/ask';
import { path, translator, type Words, wordsOf } from '@/lib/i18n';
import { pageMetadata } from '@/lib/pageMetadata';
import { changeWords } from '@/lib/policyWords';
import { changes } from '@/lib/read/policy';
import type { PolicyChange } from '@/lib/shapes';

const LIMIT = 10;

interface Props {
  params: Promise<{ locale: string }>;
  searchParams: Promise<{ after?: string | string[] }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const t = translator(locale);
  const about = { title: t('policyChanges.title'), description: t('policyChanges.description') };
  return pageMetadata(locale, '/policy/changes', about);
}

export default async function Changes({ params, searchParams }: Props) {
  const { locale } = await params;
  const { after } = await searchParams;
  const from = typeof after === 'string' ? after : null;
  return drawPage(locale, '/policy/changes', () => draw(locale, from));
}

async function draw(locale: string, from: string | null) {
  const answer = await changes(await currentAsk(), from, LIMIT);
  const { items, next } = answer.value;
  const w = wordsOf(locale);
  const href = path(locale, `/policy/changes?${new URLSearchParams({ after: next ?? '' })}`);
  return (
    <>
      <PageHead title={w.t('policyChanges.title')} intro={w.t('policyChanges.description')} />
      <StaleNote words={w} answers={[answer]} />
      {items.length === 0 && (
        <Empty title={w.t('policyChanges.empty')}>
          <Link href={path(locale, '/policy')}>{w.t('policyChanges.back')}</Link>
        </Empty>
      )}
      <ol className="versions">
        {items.map((item) => (
          <Version key={item.number} words={w} version={item} />
        ))}
      </ol>
      <Pager
        label={w.t('policyChanges.title')}
        previous={null}
        next={next === null ? null : { href, words: w.t('policyChanges.older') }}
      />
      <p className="mt-6">
        <Link className="link" href={path(locale, '/policy')}>
          {w.t('policyChanges.back')}
        </Link>
      </p>
    </>
  );
}

function Version({ words: w, version }: { words: Words; version: PolicyChange }) {
  const none = version.number === 1 ? 'policyChanges.first' : 'policyChanges.nothing';
  return (
    <li className="prose">
      <h2>{w.t('policyChanges.version', { number: String(version.number) })}</h2>
      <p className="text-muted">
        {w.t('policyChanges.since', { date: w.dateTime(version.activatedAt) })}
      </p>
      {version.changes.length === 0 ? (
        <p>{w.t(none)}</p>
      ) : (
        <Bullets items={version.changes.map((change) => changeWords(change, w.locale, w.t))} />
      )}
    </li>
  );
}
