/** One log line a request, and the status of a page: Next.js lets a page set none. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { log } from './log.ts';
import { requestIdHeader } from './requestId.ts';
import type { Answer, Source } from './shapes.ts';
import { single } from './single.ts';

interface Notes {
  startedAt: number;
  response: ServerResponse;
  from?: Source;
  asOf?: string;
}

interface Message {
  request: IncomingMessage;
  response: ServerResponse;
}

const underWay = single('underWay', () => ({ count: 0, ofNetwork: new Map<string, number>() }));
const storage = single('requests', () => new AsyncLocalStorage<Notes>());
const notes = new WeakMap<ServerResponse, Notes>();
const weight: Record<Source, number> = { database: 0, api: 1, snapshot: 2 };
export const retrySeconds = 5;

/** Note the start of each request, and log its end. */
export function watchRequests(): void {
  subscribe('http.server.request.start', (message) => {
    const { response } = message as Message;
    const noted = { startedAt: performance.now(), response };
    notes.set(response, noted);
    storage.enterWith(noted);
  });
  subscribe('http.server.response.finish', (message) => {
    const { request, response } = message as Message;
    logRequest(request, response);
  });
}

function logRequest(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url?.split('?')[0] ?? '';
  if (path.startsWith('/_next/')) return;
  const noted = notes.get(response);
  log('info', 'request', {
    requestId: response.getHeader(requestIdHeader),
    method: request.method,
    // The last part is a secret of an appeal, or says who the visitor is.
    path: path.replace(/(\/appeal\/|\/api\/me\/).+/, '$1…'),
    status: response.statusCode,
    ms: noted && Math.round(performance.now() - noted.startedAt),
    from: noted?.from,
    asOf: noted?.asOf,
  });
}

/** Remember for the log line where a page's answers come from: the worst of them. */
export function noteAnswer(answer: Answer<unknown>): void {
  const noted = storage.getStore();
  if (!noted || (noted.from && weight[noted.from] >= weight[answer.from])) return;
  noted.from = answer.from;
  noted.asOf = answer.asOf;
}

export function requestsUnderWay(): number {
  return underWay.count;
}

export function requestsOfNetwork(network: string): number {
  return underWay.ofNetwork.get(network) ?? 0;
}

/** Count the present request until its end, for all and for its visitor's network. */
export function countRequest(network: string | null): void {
  const response = storage.getStore()?.response;
  if (!response || response.closed) return;
  change(network, 1);
  response.once('close', () => change(network, -1));
}

function change(network: string | null, by: 1 | -1): void {
  underWay.count += by;
  if (network === null) return;
  const count = requestsOfNetwork(network) + by;
  if (count > 0) underWay.ofNetwork.set(network, count);
  else underWay.ofNetwork.delete(network);
}

/** The network address at the other end of the present request's connection. */
export function connectionAddress(): string | undefined {
  return storage.getStore()?.response.req.socket.remoteAddress;
}

/** Set the status of the page that is being drawn. 503 says when to try again. */
export function setStatus(status: number): void {
  const response = storage.getStore()?.response;
  if (!response || response.headersSent) return;
  response.statusCode = status;
  if (status === 503) response.setHeader('Retry-After', String(retrySeconds));
}
