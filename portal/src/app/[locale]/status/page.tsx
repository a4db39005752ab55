import type { Metadata } from 'next';
import { drawPage } from '@/app/drawPage';
import { PageHead } from '@/components/Prose';
import { currentAsk } from '@/lib/ask';
import { type Health, health } from '@/lib/health';
import { translator, type Words, wordsOf } from '@/lib/i18n';
import { pageMetadata } from '@/lib/pageMetadata';

type Props = { params: Promise<{ locale: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const t = translator(locale);
  const about = { title: t('status.title'), description: t('status.description') };
  return pageMetadata(locale, '/status', about);
}

export default async function Status({ params }: Props) {
  const { locale } = await params;
  return drawPage(locale, '/status', () => draw(wordsOf(locale)));
}

async function draw(w: Words) {
  const found = await health(await currentAsk());
  return (
    <>
      <PageHead title={w.t('status.title')} intro={w.t('status.description')} />
      <section className="card">
        <p className={`status-sum status-${found.status}`} role="status">
          {w.t(summary(found))}
        </p>
        <Sources words={w} found={found} />
      </section>
      <p className="page-intro mt-4">{w.t('status.explain')}</p>
    </>
  );
}

function summary({ status, database, api }: Health) {
  if (status === 'unavailable') return 'status.down';
  if (status === 'stale') return 'status.stale';
  return database === 'away' || api === 'away' ? 'status.fromApi' : 'status.allWell';
}

function Sources({ words: { t }, found }: { words: Words; found: Health }) {
  const { database, api } = found;
  const rows = [
    { name: t('status.database'), note: t('status.databaseNote'), state: t(`status.${database}`) },
    { name: t('status.api'), note: t('status.apiNote'), state: t(`status.${api}`) },
    { name: t('status.snapshot'), note: t('status.snapshotNote'), state: age(t, found) },
  ];
  return (
    <table className="facts">
      <thead>
        <tr>
          <th scope="col">{t('status.source')}</th>
          <th scope="col">{t('status.state')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, note, state }) => (
          <tr key={name}>
            <th scope="row">
              {name}
              <span className="block font-normal text-muted text-sm">{note}</span>
            </th>
            <td>{state}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function age(t: Words['t'], { snapshotAge }: Health): string {
  if (snapshotAge === null) return t('status.noSnapshot');
  return t('status.minutesOld', { count: Math.ceil(snapshotAge / 60) });
}
