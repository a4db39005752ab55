import { Flights } from '@/lib/flights';
import { sweep } from '@/lib/forget';
import { log } from '@/lib/log';
import { problem } from '@/lib/problems';
import { type Refreshed, refresh } from '@/lib/refresh';
import { requestIdHeader } from '@/lib/requestId';
import { retrySeconds } from '@/lib/requests';
import { sameSecret } from '@/lib/secrets';
import { settings } from '@/lib/settings';
import { single } from '@/lib/single';

// A second call within five seconds gets the answer of the first.
const flights = single('refreshes', () => new Flights(5_000));

/** Renew the saved answers. Cron jobs of Vercel can only GET. */
async function run(request: Request): Promise<Response> {
  if (!isAllowed(request)) {
    const detail = 'Send the header Authorization: Bearer, with PORTAL_REFRESH_SECRET.';
    return problem(request, { status: 401, title: 'Not authorized', detail });
  }
  const requestId = request.headers.get(requestIdHeader) ?? '';
  try {
    const refreshed = await flights.share('refresh', () => timed(requestId));
    return Response.json({ ...refreshed, requestId }, { headers: { 'Cache-Control': 'no-store' } });
  } catch (error) {
    log('warning', 'refresh failed', { requestId, error: String(error) });
    const detail = 'The back end does not answer. The saved answers are as they were.';
    const details = { status: 503, title: 'Back end away', detail, retryAfter: retrySeconds };
    return problem(request, details);
  }
}

export { run as GET, run as POST };

function isAllowed(request: Request): boolean {
  const { refreshSecret } = settings();
  const given = request.headers.get('authorization') ?? '';
  return refreshSecret !== null && sameSecret(given, `Bearer ${refreshSecret}`);
}

/** The answer with the milliseconds it took. */
async function timed(requestId: string): Promise<Refreshed & { took: number }> {
  const startedAt = performance.now();
  const refreshed = await refresh(requestId);
  // On Vercel nothing else does it.
  await sweep(requestId);
  return { ...refreshed, took: Math.round(performance.now() - startedAt) };
}
