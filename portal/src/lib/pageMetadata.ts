import type { Metadata } from 'next';
import { alternates } from './i18n.ts';

interface About {
  title: string;
  description: string;
}

/** Title, description and the addresses in every language of a page at `href`. */
export function pageMetadata(locale: string, href: string, about: About): Metadata {
  return { ...about, alternates: alternates(locale, href) };
}
