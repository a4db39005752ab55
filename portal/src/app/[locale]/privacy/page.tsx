import type { Metadata } from 'next';
import { Contact } from '@/components/Contact';
import { Bullets, PageHead, Section } from '@/components/Prose';
import { brand } from '@/lib/brand';
import { translator } from '@/lib/i18n';
import { pageMetadata } from '@/lib/pageMetadata';

const CLOUDFLARE = 'https://www.cloudflare.com/privacypolicy/';

type Props = { params: Promise<{ locale: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const t = translator(locale);
  const about = { title: t('privacy.title'), description: t('privacy.description') };
  return pageMetadata(locale, '/privacy', about);
}

export default async function Privacy({ params }: Props) {
  const { locale } = await params;
  const t = translator(locale);
  const { operator, contact } = brand();
  return (
    <>
      <PageHead title={t('privacy.title')} intro={t('privacy.description')} />
      <Section title={t('privacy.summary')}>
        <Bullets items={[t('privacy.summary1'), t('privacy.summary2'), t('privacy.summary3')]} />
        {operator && <p>{t('privacy.operator', { operator })}</p>}
      </Section>
      <Section title={t('privacy.players')}>
        <Bullets
          items={[
            t('privacy.players1'),
            t('privacy.players2'),
            t('privacy.players3'),
            t('privacy.players4'),
            t('privacy.players5'),
          ]}
        />
      </Section>
      <Section title={t('privacy.leftOut')}>
        <p>{t('privacy.leftOutText')}</p>
      </Section>
      <Section title={t('privacy.erasure')}>
        <p>{t('privacy.erasureText')}</p>
        <p>{t('privacy.erasureStays')}</p>
      </Section>
      <Section title={t('privacy.visitors')}>
        <Bullets
          items={[
            t('privacy.visitors1'),
            t('privacy.visitors2'),
            t('privacy.visitors3'),
            t('privacy.visitors4'),
          ]}
        />
      </Section>
      <Section title={t('privacy.appeals')}>
        <Bullets items={[t('privacy.appeals1'), t('privacy.appeals2')]} />
        <p>
          <a href={CLOUDFLARE} rel="noopener noreferrer">
            {t('privacy.cloudflareLink')}
          </a>
        </p>
      </Section>
      <Section title={t('privacy.rights')}>
        <p>{t('privacy.rightsText')}</p>
        <p>
          {contact
            ? t.rich('privacy.contact', { contact: <Contact contact={contact} /> })
            : t('privacy.contactNone')}
        </p>
      </Section>
      <Section title={t('privacy.young')}>
        <p>{t('privacy.youngText')}</p>
      </Section>
    </>
  );
}
