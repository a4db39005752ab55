import { translator } from '@/lib/i18n';

export default async function Home({ params }: { params: Promise<{ locale: string }> }) {
  const t = translator((await params).locale);
  return <h1 className="text-2xl font-bold">{t('common.site')}</h1>;
}
