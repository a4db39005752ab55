import type { MetadataRoute } from 'next';
import { connection } from 'next/server';
import { orNull } from '@/app/drawPage';
import { currentAsk } from '@/lib/ask';
import { alternates } from '@/lib/i18n';
import { ranks } from '@/lib/read/ranks';
import { settings } from '@/lib/settings';

const PAGES = [
  '/',
  '/leaderboard',
  '/leaderboard/rules',
  '/ranks',
  '/records',
  '/promotions',
  '/policy',
  '/policy/changes',
  '/search',
  '/about',
  '/privacy',
  '/terms',
];

/** Pages about the community. Pages about single people are left to be found by people. */
export default async function sitemap(): Promise<MetadataRoute.Sitemap> {
  await connection();
  const found = (await orNull(ranks(await currentAsk())))?.value ?? [];
  return [...PAGES, ...found.map((rank) => `/ranks/${rank.slug}`)].map((href) => ({
    url: absolute(href),
    alternates: { languages: languagesOf(href) },
  }));
}

function languagesOf(href: string): Record<string, string> {
  const { languages } = alternates('en', href);
  return Object.fromEntries(Object.entries(languages).map(([name, url]) => [name, absolute(url)]));
}

function absolute(href: string): string {
  return new URL(href, settings().portalUrl).href;
}
