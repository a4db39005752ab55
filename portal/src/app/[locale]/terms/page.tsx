import type { Metadata } from 'next';
import Link from 'next/link';
import { Bullets, PageHead } from '@/components/Prose';
import { brand } from '@/lib/brand';
import { inLanguage } from '@/lib/brandFile';
import { path, type Translate, translator } from '@/lib/i18n';
import { pageMetadata } from '@/lib/pageMetadata';

type Props = { params: Promise<{ locale: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { locale } = await params;
  const t = translator(locale);
  const about = { title: t('terms.title'), description: t('terms.description') };
  return pageMetadata(locale, '/terms', about);
}

export default async function Terms({ params }: Props) {
  const { locale } = await params;
  const t = translator(locale);
  const { operator, terms } = brand();
  const items = terms?.map((text) => inLanguage(text, locale)) ?? ours(t);
  return (
    <>
      <PageHead title={t('terms.title')} intro={t('terms.description')} />
      <div className="prose">
        <Bullets items={items} />
        {operator && <p>{t('terms.operator', { operator })}</p>}
        <p>
          <Link href={path(locale, '/privacy')}>{t('terms.privacyLink')}</Link>
        </p>
      </div>
    </>
  );
}

function ours(t: Translate): string[] {
  return [
    t('terms.item1'),
    t('terms.item2'),
    t('terms.item3'),
    t('terms.item4'),
    t('terms.item5'),
    t('terms.item6'),
    t('terms.item7'),
  ];
}
