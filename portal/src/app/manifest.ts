import type { MetadataRoute } from 'next';
import { connection } from 'next/server';
import { brand } from '@/lib/brand';
import { inLanguage } from '@/lib/brandFile';

export default async function manifest(): Promise<MetadataRoute.Manifest> {
  await connection(); // the brand file is read when the server runs, not when it is built
  const { name, tagline } = brand();
  return {
    name,
    short_name: name.slice(0, 12),
    description: inLanguage(tagline, 'en'),
    start_url: '/',
    display: 'browser',
    icons: [{ src: '/brand/icon', sizes: 'any' }],
  };
}
