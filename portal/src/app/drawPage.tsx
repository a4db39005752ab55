import { unstable_rethrow } from 'next/navigation';
import type { ReactNode } from 'react';
import { Empty } from '@/components/Empty';
import { Search } from '@/components/Search';
import { currentAsk } from '@/lib/ask';
import { path, translator } from '@/lib/i18n';
import { log } from '@/lib/log';
import { setStatus } from '@/lib/requests';
import { Unavailable } from '@/lib/unavailable';

/**
 * Draw a page. `draw` awaits all its readers and returns null if there is no such page.
 *
 * Next's own ways (`notFound()`, `error.tsx`) leave the page empty for visitors without script and
 * know no status 503.
 */
export async function drawPage(
  locale: string,
  href: string,
  draw: () => Promise<ReactNode>,
): Promise<ReactNode> {
  try {
    return (await draw()) ?? notFoundPage(locale);
  } catch (error) {
    unstable_rethrow(error);
    return failedPage(locale, href, error);
  }
}

/** An answer for metadata, or null when nothing answers: the page itself says so. */
export async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Unavailable) return null;
    throw error;
  }
}

export function notFoundPage(locale: string): ReactNode {
  setStatus(404);
  return notFoundNotice(locale);
}

export function notFoundNotice(locale: string): ReactNode {
  const t = translator(locale);
  return (
    <>
      <meta name="robots" content="noindex" />
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

async function failedPage(locale: string, href: string, error: unknown): Promise<ReactNode> {
  const { requestId } = await currentAsk();
  const away = error instanceof Unavailable;
  setStatus(away ? 503 : 500);
  if (!away)
    log('error', 'page failed', { requestId, error: String(Object(error).stack ?? error) });
  const t = translator(locale);
  return (
    <>
      <meta name="robots" content="noindex" />
      <Empty title={t(away ? 'away.title' : 'failed.title')} heading>
        <p>{t(away ? 'away.text' : 'failed.text')}</p>
        <p>
          <a className="button button-primary my-4" href={path(locale, href)}>
            {t('away.again')}
          </a>
        </p>
        <p className="text-sm wrap-anywhere">{t('away.reference', { id: requestId })}</p>
      </Empty>
    </>
  );
}
