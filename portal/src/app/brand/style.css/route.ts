import { brand, brandStyle } from '@/lib/brand';

export const dynamic = 'force-dynamic';

/** The colours of the community. */
export function GET(): Response {
  const headers = {
    'Content-Type': 'text/css; charset=utf-8',
    'Cache-Control': 'public, max-age=300',
  };
  return new Response(brandStyle(brand()), { headers });
}
