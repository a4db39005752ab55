import type { Metadata } from 'next';
import Link from 'next/link';
import { Bullets, PageHead, Section } from '@/components/Prose';
import { path, translator } from '@/lib/i18n';
import { pageMetadata } from '@/lib/pageMetadata';

type Props = { params: Promise<{ locale: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const t = translator(locale);
  const about = { title: t('rules.title'), description: t('rules.description') };
  return pageMetadata(locale, '/leaderboard/rules', about);
}

export default async function Rules({ params }: Props) {
  const { locale } = await params;
  const t = translator(locale);
  return (
    <>
      <PageHead title={t('rules.title')} intro={t('rules.description')} />
      <Section title={t('rules.who')}>
        <p>{t('rules.whoText')}</p>
      </Section>
      <Section title={t('rules.order')}>
        <Bullets
          items={[t('rules.order1'), t('rules.order2'), t('rules.order3'), t('rules.order4')]}
        />
      </Section>
      <Section title={t('rules.periods')}>
        <Bullets items={[t('rules.periods1'), t('rules.periods2'), t('rules.periods3')]} />
      </Section>
      <Section title={t('rules.change')}>
        <p>{t('rules.changeText')}</p>
        <p>{t('rules.sparkline')}</p>
      </Section>
      <Section title={t('rules.lengths')}>
        <p>{t('rules.lengthsText')}</p>
      </Section>
      <Section title={t('rules.fair')}>
        <p>{t('rules.fairText')}</p>
        <p>
          <Link href={path(locale, '/policy')}>{t('rules.policyLink')}</Link>
        </p>
        <p>
          <Link href={path(locale, '/leaderboard')}>{t('rules.leaderboardLink')}</Link>
        </p>
      </Section>
    </>
  );
}
