/** Answers of the proxy instead of a page: too many requests, too much work, maintenance. */
import { brand } from './brand.ts';
import { path, translator } from './i18n.ts';
import { plainPage } from './plainPage.ts';

export type Refusal = 'busy' | 'unavailable' | 'maintenance';

export interface Refused {
  locale: string;
  requestId: string;
  nonce: string;
  /** Seconds after which to try again. */
  wait: number;
}

const STATUS: Record<Refusal, number> = { busy: 429, unavailable: 503, maintenance: 503 };

export function refuse(kind: Refusal, { locale, requestId, nonce, wait }: Refused): Response {
  const t = translator(locale);
  const page = plainPage({
    language: locale,
    brandName: brand().name,
    title: t(`plain.${kind}Title`),
    text: t(`plain.${kind}Text`, { count: wait }),
    again: { text: t('plain.again'), href: path(locale, '/') },
    quote: t('plain.quote', { requestId }),
    nonce,
  });
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    'Retry-After': String(wait),
  };
  return new Response(page, { status: STATUS[kind], headers });
}
