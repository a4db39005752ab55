import { headers } from 'next/headers';
import { notFoundNotice } from '@/app/drawPage';

/**
 * What `notFound()` draws. Pages return null to `drawPage` instead, which works without script.
 * It must set no status: Next.js draws it with every page, in case it is needed.
 */
export default async function NotFound() {
  return notFoundNotice((await headers()).get('x-grps-locale') ?? 'en');
}
