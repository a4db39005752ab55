import type { ReactNode } from 'react';
import { EmbedDocument } from '@/components/embed/EmbedDocument';
import { formats, isLocale, type Translate, translator } from '@/lib/i18n';
import type { Answer } from '@/lib/shapes';
import { Unavailable } from '@/lib/unavailable';

export interface EmbedOptions {
  locale: string;
  theme: 'light' | 'dark' | undefined;
  t: Translate;
}

interface Embed<T> {
  title: string;
  ask: () => Promise<Answer<T | null>>;
  draw: (value: T) => ReactNode;
}

/** Options of an embed, from the query: `lang` and `theme` (light or dark; else the reader's own). */
export function embedOptions(request: Request): EmbedOptions {
  const query = new URL(request.url).searchParams;
  const lang = query.get('lang') ?? 'en';
  const theme = query.get('theme');
  const locale = isLocale(lang) ? lang : 'en';
  return {
    locale,
    theme: theme === 'light' || theme === 'dark' ? theme : undefined,
    t: translator(locale),
  };
}

/** Answer with an embed's document: 404 if its player is not listed, 503 if nothing can answer. */
export async function embedResponse<T>(options: EmbedOptions, embed: Embed<T>): Promise<Response> {
  const { t, locale } = options;
  try {
    const { value, stale, asOf } = await embed.ask();
    if (value === null) return html(options, embed.title, <p>{t('embed.missing')}</p>, 404);
    const saved = stale && <p>{t('embed.stale', { time: formats(locale).dateTime(asOf) })}</p>;
    return html(options, embed.title, [embed.draw(value), saved], 200);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return html(options, embed.title, <p>{t('embed.away')}</p>, 503);
  }
}

async function html(
  { locale, theme }: EmbedOptions,
  title: string,
  children: ReactNode,
  status: number,
): Promise<Response> {
  // Next.js refuses a static import of it. The frame needs no script, so no page of the app fits.
  const { renderToStaticMarkup } = await import('react-dom/server');
  const markup = renderToStaticMarkup(
    <EmbedDocument title={title} locale={locale} theme={theme}>
      {children}
    </EmbedDocument>,
  );
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'public, max-age=15',
  };
  return new Response(`<!DOCTYPE html>${markup}`, {
    status,
    headers:
      status === 503 ? { ...headers, 'Cache-Control': 'no-store', 'Retry-After': '5' } : headers,
  });
}
