import { cameFrom } from '@/lib/cameFrom';
import { isLocale, path } from '@/lib/i18n';

/** Lead to the page that the visitor came from, in another language. */
export function GET(request: Request): Response {
  const to = new URL(request.url).searchParams.get('to') ?? '';
  const { pathname, search } = cameFrom(request);
  const [, first = '', ...rest] = pathname.split('/');
  const page = isLocale(first) ? `/${rest.join('/')}` : pathname;
  return new Response(null, {
    status: 303,
    headers: { location: `${path(isLocale(to) ? to : 'en', page)}${search}` },
  });
}
