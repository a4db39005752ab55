import type { MetadataRoute } from 'next';
import { connection } from 'next/server';
import { settings } from '@/lib/settings';

export default async function robots(): Promise<MetadataRoute.Robots> {
  await connection(); // the address is known when the server runs, not when it is built
  return {
    rules: { userAgent: '*', allow: '/', disallow: ['/api/', '/embed/', '/*/appeal', '/appeal'] },
    sitemap: new URL('/sitemap.xml', settings().portalUrl).href,
  };
}
