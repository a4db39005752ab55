/** Refuses requests before a page is drawn: too many of one visitor, too many at once, maintenance. */
import { Limits, networkOf } from './limits.ts';
import { problem } from './problems.ts';
import { type Refusal, type Refused, refuse } from './refusals.ts';
import { requestIdHeader } from './requestId.ts';
import {
  connectionAddress,
  countRequest,
  requestsOfNetwork,
  requestsUnderWay,
} from './requests.ts';
import { settings } from './settings.ts';
import { single } from './single.ts';
import { visitorAddress } from './visitorAddress.ts';

// More than the database and the API answer within a page's deadline.
const MOST_UNDER_WAY = 500;
const MOST_OF_VISITOR = 100;
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
  const address = visitorOf(request);
  const wait = address === null ? 0 : visitorWait(address);
  if (wait > 0) return ['busy', wait];
  if (requestsUnderWay() >= MOST_UNDER_WAY) return ['unavailable', SHORT_WAIT];
  countRequest(address === null ? null : networkOf(address));
  return [null, 0];
}

/** The visitor's address; null for this machine itself and for unknown ones, which have no limit. */
function visitorOf(request: Request): string | null {
  const address = visitorAddress(request.headers, settings().trustedProxies, connectionAddress());
  return address === undefined || OURSELVES.test(address) ? null : address;
}

/** Seconds that this visitor has to wait. */
function visitorWait(address: string): number {
  const { visitorLimit } = settings();
  if (visitorLimit === 0) return 0;
  // Slow connections of one visitor must not use up what is for all.
  if (requestsOfNetwork(networkOf(address)) >= MOST_OF_VISITOR) return SHORT_WAIT;
  return single('limits', () => new Limits(visitorLimit)).count(address);
}
