import { headers } from 'next/headers';
import { Empty } from '@/components/Empty';
import { Search } from '@/components/Search';
import { path, translator } from '@/lib/i18n';

export default async function NotFound() {
  const locale = (await headers()).get('x-grps-locale') ?? 'en';
  const t = translator(locale);
  return (
    <>
      <Empty icon="search" title={t('notFound.title')} heading>
        <p>{t('notFound.text')}</p>
      </Empty>
      <div className="mx-auto max-w-xl">
        <Search
          large
          action={path(locale, '/search')}
          locale={locale}
          label={t('common.searchLabel')}
          button={t('common.search')}
        />
      </div>
    </>
  );
}
