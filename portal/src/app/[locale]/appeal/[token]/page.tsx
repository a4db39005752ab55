import type { Metadata } from 'next';
import { drawPage } from '@/app/drawPage';
import { PageHead } from '@/components/Prose';
import { type AppealAnswer, readAppeal } from '@/lib/appeals';
import { path, translator, type Words, wordsOf } from '@/lib/i18n';
import { settings } from '@/lib/settings';
import { currentVisit } from '@/lib/visit';

interface Props {
  params: Promise<{ locale: string; token: string }>;
  searchParams: Promise<{ sent?: string | string[] }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const t = translator((await params).locale);
  return {
    title: t('appealAnswer.title'),
    robots: { index: false, follow: false },
    // A page reached by a link inside of the site keeps the headers of the page before.
    referrer: 'no-referrer',
  };
}

export default async function Answer({ params, searchParams }: Props) {
  const { locale, token } = await params;
  const sent = (await searchParams).sent !== undefined;
  return drawPage(locale, `/appeal/${encodeURIComponent(token)}`, () => draw(locale, token, sent));
}

async function draw(locale: string, token: string, sent: boolean) {
  const found = await readAppeal(token, await currentVisit());
  if (!found) return null;
  const w = wordsOf(locale);
  return (
    <>
      <PageHead title={w.t('appealAnswer.title')} />
      {sent && <Sent words={w} token={token} />}
      <State words={w} found={found} />
    </>
  );
}

function Sent({ words: w, token }: { words: Words; token: string }) {
  const address = new URL(path(w.locale, `/appeal/${token}`), settings().portalUrl).href;
  return (
    <section className="card prose" role="status">
      <h2>{w.t('appealAnswer.sent')}</h2>
      <p>{w.t('appealAnswer.sentText')}</p>
      <p>
        <a href={address} className="break-all">
          {address}
        </a>
      </p>
    </section>
  );
}

function State({ words: w, found }: { words: Words; found: AppealAnswer }) {
  if (found.status === 'open' || found.decidedAt === null)
    return (
      <div className="prose">
        <p className="font-semibold">{w.t('appealAnswer.open')}</p>
        <p>{w.t('appealAnswer.openText', { date: w.dateTime(found.openedAt) })}</p>
      </div>
    );
  return (
    <div className="prose">
      <p className="font-semibold">
        {w.t(`appealAnswer.${found.status}`, { date: w.dateTime(found.decidedAt) })}
      </p>
      {found.answer && (
        <>
          <h2 className="mt-4">{w.t('appealAnswer.answer')}</h2>
          <blockquote>{found.answer}</blockquote>
        </>
      )}
    </div>
  );
}
