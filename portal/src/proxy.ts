import { type NextRequest, NextResponse } from 'next/server';
import { contentSecurityPolicy, securityHeaders } from '@/lib/csp';
import { guard } from '@/lib/guard';
import { isLocale } from '@/lib/i18n';
import { requestIdFrom, requestIdHeader } from '@/lib/requestId';

/** Give every request an id and a nonce, and every answer its headers. */
export function proxy(request: NextRequest): Response {
  const { pathname } = request.nextUrl;
  const nonce = btoa(crypto.randomUUID());
  const policy = contentSecurityPolicy(pathname, nonce, process.env.NODE_ENV === 'development');
  const requestId = requestIdFrom(request.headers);
  const headers = new Headers(request.headers);
  headers.set(requestIdHeader, requestId);
  headers.set('x-grps-locale', localeOf(pathname));
  headers.set('x-nonce', nonce);
  // Next.js takes the nonce of its own scripts from here.
  headers.set('Content-Security-Policy', policy);

  const refusal = guard(request, { locale: localeOf(pathname), requestId, nonce });
  const response = refusal ?? route(request, headers);
  response.headers.set(requestIdHeader, requestId);
  response.headers.set('Content-Security-Policy', policy);
  for (const [name, value] of Object.entries(securityHeaders(pathname))) {
    response.headers.set(name, value);
  }
  return response;
}

function route(request: NextRequest, headers: Headers): NextResponse {
  const { pathname } = request.nextUrl;
  // English has no prefix; next.config.ts adds it inside. Next.js itself links pictures with it.
  if (!/^\/en(?:\/|$)/.test(pathname) || pathname.includes('/opengraph-image')) {
    return NextResponse.next({ request: { headers } });
  }
  const url = request.nextUrl.clone();
  url.pathname = pathname.slice('/en'.length) || '/';
  return NextResponse.redirect(url, 308);
}

function localeOf(pathname: string): string {
  const first = pathname.split('/')[1] ?? '';
  return isLocale(first) ? first : 'en';
}

export const config = { matcher: ['/((?!_next/static/).*)'] };
