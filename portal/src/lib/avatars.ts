/** Headshots of players, which the API keeps: a visitor's browser asks this server alone. */
import 'server-only';
import { requestIdHeader } from './requestId.ts';
import { settings } from './settings.ts';
import { sign } from './signing.ts';

const timeout = 2000;
const mediaTypes = ['image/png', 'image/webp'];
// One transparent pixel: the initials below stay visible, and no error stands in the console.
const nothing = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR4nGNgAAIAAAUAAXpeqz8AAAAASUVORK5CYII=',
  'base64',
);

/** Where a player's picture is on this origin; null if pictures are off. */
export function avatarAddress(userId: string): string | null {
  return settings().avatars ? `/api/avatars/${userId}` : null;
}

/** Answer with a player's picture, or with a transparent one. */
export async function avatar(userId: string, request: Pick<Request, 'headers'>): Promise<Response> {
  try {
    const answer = await ask(`/players/${userId}/avatar`, request.headers);
    const mediaType = answer.headers.get('content-type') ?? '';
    const headers = {
      etag: answer.headers.get('etag') ?? '',
      'cache-control': 'private, max-age=600',
    };
    if (answer.status === 304) return new Response(null, { status: 304, headers });
    if (answer.ok && mediaTypes.includes(mediaType)) {
      return new Response(await answer.arrayBuffer(), {
        headers: { ...headers, 'content-type': mediaType },
      });
    }
  } catch {
    // The API is away: the initials are enough.
  }
  return new Response(nothing, {
    headers: { 'content-type': 'image/png', 'cache-control': 'private, max-age=60' },
  });
}

async function ask(target: string, given: Headers): Promise<Response> {
  const { apiUrl, signatureSecret } = settings();
  const url = new URL(apiUrl.replace(/\/$/, '') + target);
  const headers = new Headers({ [requestIdHeader]: given.get(requestIdHeader) ?? '' });
  const known = given.get('if-none-match');
  if (known) headers.set('if-none-match', known);
  const parts = { method: 'GET', target: url.pathname, body: '' };
  const signed = signatureSecret ? sign(signatureSecret, parts) : {};
  for (const [name, value] of Object.entries(signed)) headers.set(name, value);
  const signal = AbortSignal.timeout(timeout);
  return fetch(url, { headers, signal, cache: 'no-store', redirect: 'error' });
}
