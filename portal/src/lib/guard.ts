/** Refuses requests before a page is drawn: too many of one visitor, too many at once, maintenance. */
import { Limits } from './limits.ts';
import { problem } from './problems.ts';
import { type Refusal, type Refused, refuse } from './refusals.ts';
import { requestIdHeader } from './requestId.ts';
import { connectionAddress, requestsUnderWay } from './requests.ts';
import { settings } from './settings.ts';
import { single } from './single.ts';
import { visitorAddress } from './visitorAddress.ts';

// More than the database and the API answer within a page's deadline.
const MOST_UNDER_WAY = 500;
const SHORT_WAIT = 5;
const LONG_WAIT = 300;
const ALWAYS = /^\/(?:api\/(?:health|hooks)\/|brand\/)/;
const OURSELVES = /^(?:127\.|::1$)/;

const DETAILS: Record<Refusal, string> = {
  busy: 'Too many requests came from your network.',
  unavailable: 'Too many requests are under way.',
  maintenance: 'The site is under maintenance.',
};

/** The answer to a request that must not go on, or null. */
export function guard(request: Request, page: Omit<Refused, 'wait'>): Response | null {
  const { pathname } = new URL(request.url);
  if (ALWAYS.test(pathname)) return null;
  const [kind, wait] = reason(request);
  if (kind === null) return null;
  if (!pathname.startsWith('/api/')) return refuse(kind, { ...page, wait });
  const headers = new Headers({ [requestIdHeader]: page.requestId });
  return problem(
    { headers },
    {
      status: kind === 'busy' ? 429 : 503,
      title: kind === 'busy' ? 'Too Many Requests' : 'Service Unavailable',
      detail: `${DETAILS[kind]} Try again in ${wait} seconds.`,
      retryAfter: wait,
    },
  );
}

function reason(request: Request): [Refusal | null, number] {
  if (settings().maintenance) return ['maintenance', LONG_WAIT];
  if (requestsUnderWay() > MOST_UNDER_WAY) return ['unavailable', SHORT_WAIT];
  const wait = visitorWait(request);
  return wait > 0 ? ['busy', wait] : [null, 0];
}

/** Seconds that this visitor has to wait. Requests of this machine itself are not counted. */
function visitorWait(request: Request): number {
  const { trustedProxies, visitorLimit } = settings();
  const address = visitorAddress(request.headers, trustedProxies, connectionAddress());
  if (visitorLimit === 0 || address === undefined || OURSELVES.test(address)) return 0;
  return single('limits', () => new Limits(visitorLimit)).count(address);
}
