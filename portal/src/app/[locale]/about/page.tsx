import type { Metadata } from 'next';
import Link from 'next/link';
import { JoinLinks } from '@/app/JoinLinks';
import { Contact } from '@/components/Contact';
import { PageHead, Section } from '@/components/Prose';
import { brand } from '@/lib/brand';
import { inLanguage } from '@/lib/brandFile';
import { path, translator } from '@/lib/i18n';
import { pageMetadata } from '@/lib/pageMetadata';
import { settings } from '@/lib/settings';

type Props = { params: Promise<{ locale: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const t = translator(locale);
  const about = { title: t('about.title'), description: t('about.description') };
  return pageMetadata(locale, '/about', about);
}

export default async function About({ params }: Props) {
  const { locale } = await params;
  const t = translator(locale);
  const { name, about, contact } = brand();
  const paragraphs = about?.map((text) => inLanguage(text, locale)) ?? [
    t('about.whatText', { brand: name }),
  ];
  return (
    <>
      <PageHead title={t('about.title')} intro={t('about.description')} />
      <Section title={t('about.what')}>
        {paragraphs.map((text) => (
          <p key={text}>{text}</p>
        ))}
      </Section>
      <Section title={t('about.join')}>
        <p>{t('about.joinText')}</p>
        <JoinLinks t={t} />
      </Section>
      <Section title={t('about.numbers')}>
        <p>{t('about.numbersText')}</p>
        <p>
          <Link href={path(locale, '/policy')}>{t('rules.policyLink')}</Link>
        </p>
        <p>
          <Link href={path(locale, '/leaderboard/rules')}>{t('rules.title')}</Link>
        </p>
      </Section>
      <Section title={t('about.feeds')}>
        <p>{t('about.feedsText')}</p>
        <p>
          <a href="/feed.xml">{t('promotions.rss')}</a>
        </p>
        <p>
          <a href="/feed.json">{t('promotions.json')}</a>
        </p>
      </Section>
      <Section title={t('about.openData')}>
        <p>{t('about.openDataText')}</p>
        <p>
          <a href={`${settings().apiUrl}/docs`}>{t('about.apiLink')}</a>
        </p>
      </Section>
      {contact && (
        <Section title={t('about.contact')}>
          <p>{t.rich('about.contactText', { contact: <Contact contact={contact} /> })}</p>
        </Section>
      )}
      <p className="page-intro">{t('about.notRoblox')}</p>
    </>
  );
}
