/** The page of this portal that a request came from, or the start page. */
export function cameFrom(request: Request): URL {
  const home = new URL('/', request.url);
  const referrer = URL.parse(request.headers.get('referer') ?? '');
  if (referrer?.host !== request.headers.get('host')) return home;
  // Two at the beginning would name another host, also after a language is taken off.
  home.pathname = referrer.pathname.replace(/\/{2,}/g, '/');
  home.search = referrer.search;
  return home;
}
