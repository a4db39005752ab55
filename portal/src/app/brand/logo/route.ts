import { logo } from '@/lib/brand';

export const dynamic = 'force-dynamic';

/** The logo of the community. */
export function GET(): Response {
  const found = logo();
  if (found === null) return new Response(null, { status: 404 });
  const headers = { 'Content-Type': found.type, 'Cache-Control': 'public, max-age=3600' };
  return new Response(found.bytes, { headers });
}
