/** Headers that tell a browser what a page may do. */

const turnstile = 'https://challenges.cloudflare.com';
const appeal = /^\/(?:[a-zA-Z-]{2,5}\/)?appeal(?:\/|$)/;
const appealAnswer = /^\/(?:[a-zA-Z-]{2,5}\/)?appeal\/./;
const embed = /^\/embed\//;
const picture = /\/(?:card|opengraph-image[^/]*)$/;

export function contentSecurityPolicy(
  pathname: string,
  nonce: string,
  development: boolean,
): string {
  const challenge = appeal.test(pathname) ? ` ${turnstile}` : '';
  // React rebuilds stack traces with eval in development.
  const evaluation = development ? " 'unsafe-eval'" : '';
  return [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${evaluation}${challenge}`,
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "manifest-src 'self'",
    `connect-src 'self'${development ? ' ws:' : ''}`,
    `frame-src ${challenge.trim() || "'none'"}`,
    "form-action 'self'",
    "base-uri 'none'",
    `frame-ancestors ${embed.test(pathname) ? '*' : "'none'"}`,
  ].join('; ');
}

export function securityHeaders(pathname: string): Record<string, string> {
  const shared = embed.test(pathname) || picture.test(pathname);
  return {
    'Strict-Transport-Security': 'max-age=63072000; includeSubDomains',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': shared ? 'cross-origin' : 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    // An answer's address holds the token that reads it. The form needs an origin: without script,
    // `no-referrer` would send `Origin: null`, which server actions refuse.
    'Referrer-Policy': appealAnswer.test(pathname) ? 'no-referrer' : 'same-origin',
    ...(appeal.test(pathname) && { 'Cache-Control': 'no-store', 'X-Robots-Tag': 'noindex' }),
  };
}
