import { cameFrom } from '@/lib/cameFrom';

const YEAR = 31_536_000; // seconds

/** Keep the visitor's theme in a cookie and lead back, for browsers without script. */
export async function POST(request: Request): Promise<Response> {
  const chosen = (await request.formData()).get('theme');
  const theme = chosen === 'light' || chosen === 'dark' ? chosen : 'system';
  const { pathname, search } = cameFrom(request);
  return new Response(null, {
    status: 303,
    headers: {
      location: `${pathname}${search}`,
      'set-cookie': `theme=${theme}; Path=/; Max-Age=${YEAR}; SameSite=Lax`,
    },
  });
}
