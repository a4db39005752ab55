/** The page of this portal that a request came from, or the start page. */
export function cameFrom(request: Request): URL {
  const home = new URL('/', request.url);
  const referrer = URL.parse(request.headers.get('referer') ?? '');
  if (referrer?.host !== request.headers.get('host')) return home;
  home.pathname = referrer.pathname.replace(/^\/+/, '/'); // two would name another host
  home.search = referrer.search;
  return home;
}
