import { headers } from 'next/headers';
import Link from 'next/link';
import { path, translator } from '@/lib/i18n';

export default async function NotFound() {
  const locale = (await headers()).get('x-grps-locale') ?? 'en';
  const t = translator(locale);
  return (
    <>
      <h1 className="text-2xl font-bold">{t('notFound.title')}</h1>
      <p className="mt-2 text-muted">{t('notFound.text')}</p>
      <p className="mt-4">
        <Link href={path(locale, '/search')} className="text-accent underline">
          {t('notFound.search')}
        </Link>
      </p>
    </>
  );
}
