// biome-ignore-all lint/a11y/noRedundantRoles: a phone's layout takes the tags' own roles away
import type { Metadata } from 'next';
import Link from 'next/link';
import { drawPage } from '@/app/drawPage';
import { Multipliers } from '@/components/Multipliers';
import { PageHead, Section } from '@/components/Prose';
import { StaleNote } from '@/components/StaleNote';
import { currentAsk } from '@/lib/ask';
import { path, translator, type Words, wordsOf } from '@/lib/i18n';
import { current, multiplierLines } from '@/lib/multipliers';
import { pageMetadata } from '@/lib/pageMetadata';
import { eventName, timeWords } from '@/lib/policyWords';
import { policy } from '@/lib/read/policy';
import type { PublicPolicy } from '@/lib/shapes';

type Event = PublicPolicy['events'][number];
type Props = { params: Promise<{ locale: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const t = translator(locale);
  const about = { title: t('policy.title'), description: t('policy.description') };
  return pageMetadata(locale, '/policy', about);
}

export default async function Policy({ params }: Props) {
  const { locale } = await params;
  return drawPage(locale, '/policy', () => draw(locale));
}

async function draw(locale: string) {
  const answer = await policy(await currentAsk());
  const rules = answer.value;
  const w = wordsOf(locale);
  const now = new Date();
  const multipliers = multiplierLines(w, current(rules.multipliers, now), now);
  return (
    <>
      <PageHead
        title={w.t('policy.title')}
        intro={w.t('policy.since', { date: w.day(rules.activatedAt), version: rules.version })}
      />
      <StaleNote words={w} answers={[answer]} />
      <section>
        <h2 className="mb-3">{w.t('policy.what')}</h2>
        {rules.events.length > 0 ? (
          <EventTable words={w} events={rules.events} />
        ) : (
          <p>{w.t('policy.empty')}</p>
        )}
      </section>
      {multipliers.length > 0 && (
        <Section title={w.t('policy.multiplier.title')}>
          <Multipliers words={w} lines={multipliers} />
          <p className="mt-2">{w.t('policy.multiplier.caps')}</p>
        </Section>
      )}
      <Section title={w.t('policy.limits')}>
        <p>
          {w.t('policy.limitsText', {
            daily: w.amount(rules.dailyCap),
            weekly: w.amount(rules.weeklyCap),
          })}
        </p>
      </Section>
      <More words={w} />
    </>
  );
}

function EventTable({ words: w, events }: { words: Words; events: Event[] }) {
  return (
    <table className="facts facts-rules" role="table">
      <caption className="sr-only">{w.t('policy.what')}</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            {w.t('policy.event')}
          </th>
          <th role="columnheader" scope="col" className="number">
            {w.t('policy.points')}
          </th>
          <th role="columnheader" scope="col">
            {w.t('policy.rule')}
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {events.map((event) => (
          <tr role="row" key={event.type}>
            <th role="rowheader" scope="row">
              {eventName(event.type, w.t)}
            </th>
            <td role="cell" className="number">
              {points(w, event)}
            </td>
            <td role="cell">{ruleWords(w, event).join('. ')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function points(w: Words, event: Event): string {
  if (event.weight !== null) return w.amount(event.weight);
  const levels = Object.entries(event.weightByLevel).map(([level, weight]) =>
    w.t('policy.byLevel', { points: w.amount(weight), level }),
  );
  return levels.join(', ') || w.t('policy.none');
}

function ruleWords({ t, locale }: Words, event: Event): string[] {
  const { shortestSeconds: shortest, cooldownSeconds: cooldown } = event;
  return [
    shortest === null ? '' : t('policy.shortest', { time: timeWords(locale, shortest) }),
    cooldown === null ? '' : t('policy.cooldown', { time: timeWords(locale, cooldown) }),
    event.recommends ? t('policy.recommends') : '',
    event.counter === null ? '' : t('policy.counted'),
  ].filter((text) => text !== '');
}

function More({ words: { t, locale } }: { words: Words }) {
  return (
    <>
      <Section title={t('policy.promotions')}>
        <p>{t('policy.promotionsText')}</p>
        <p>
          <Link href={path(locale, '/ranks')}>{t('policy.promotionsLink')}</Link>
        </p>
      </Section>
      <Section title={t('policy.proof')}>
        <p>{t('policy.proofText')}</p>
        <p>
          <Link href={path(locale, '/policy/changes')}>{t('policy.changes')}</Link>
        </p>
      </Section>
      <Section title={t('policy.appeals')}>
        <p>{t('policy.appealsText')}</p>
        <p>
          <Link href={path(locale, '/appeal')}>{t('policy.appealsLink')}</Link>
        </p>
      </Section>
    </>
  );
}
