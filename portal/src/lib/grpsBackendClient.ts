/** The typed client of Django's public API. */
import 'server-only';
import createClient, { type Client } from 'openapi-fetch';
import type { paths } from '../generated/openapi.ts';
import { named } from './named.ts';
import { requestIdHeader } from './requestId.ts';
import { settings } from './settings.ts';
import { sign } from './signing.ts';
import { single } from './single.ts';
import { traceparent } from './traceparent.ts';

export type Backend = Client<paths>;

interface Call {
  requestId: string;
  signal: AbortSignal;
  /** Address of the visitor for whom the portal writes. Reads are the same for everybody. */
  visitor?: string | undefined;
}

/** An error that the API answered (RFC 9457). */
export class Problem extends named('Problem') {
  readonly status: number;
  readonly type: string;
  /** Seconds to wait before the next attempt. */
  readonly retryAfter: number | null;

  constructor(response: Response, body: unknown) {
    const { type, detail } = Object(body) as { type?: unknown; detail?: unknown };
    super(typeof detail === 'string' ? detail : `The API answered ${response.status}.`);
    this.status = response.status;
    this.type = typeof type === 'string' ? type : 'about:blank';
    this.retryAfter = Number(response.headers.get('retry-after')) || null;
  }

  /** Whether the API itself is in order, and the call was wrong. */
  get isOurs(): boolean {
    return this.status < 500 && this.status !== 429;
  }
}

export function grpsBackendClient(call: Call): Backend {
  return createClient<paths>({
    baseUrl: settings().apiUrl.replace(/\/$/, ''),
    fetch: (request) => send(request, call),
  });
}

interface Result<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of an answer, `null` if the API says that there is no such thing, or throw `Problem`. */
export function found<T>({ data, error, response }: Result<T>): T | null {
  if (response.ok && data !== undefined) return data;
  const problem = response.headers.get('content-type')?.startsWith('application/problem+json');
  if (response.status === 404 && problem) return null;
  throw new Problem(response, error);
}

/** The body of an answer that always exists. */
export function body<T>(result: Result<T>): T {
  const data = found(result);
  if (data === null) throw new Problem(result.response, result.error);
  return data;
}

async function send(request: Request, call: Call): Promise<Response> {
  const text = request.method === 'GET' ? '' : await request.text();
  try {
    return await sendOnce(request, text, call);
  } catch (error) {
    // The API may have restarted between two calls of one connection.
    const again = request.method === 'GET' && !call.signal.aborted && error instanceof TypeError;
    if (!again) throw error;
    return sendOnce(request, text, call);
  }
}

async function sendOnce(request: Request, text: string, call: Call): Promise<Response> {
  const { method, url } = request;
  const known = method === 'GET' ? remembered.get(url) : undefined;
  const headers = new Headers(request.headers);
  headers.set(requestIdHeader, call.requestId);
  headers.set('traceparent', traceparent(call.requestId));
  if (known) headers.set('if-none-match', known.etag);
  for (const [name, value] of signature(request, text, call)) headers.set(name, value);
  const response = await fetch(url, {
    method,
    headers,
    ...(method !== 'GET' && { body: text }),
    signal: call.signal,
    cache: 'no-store',
    redirect: 'error',
  });
  if (response.status === 304 && known) return unchanged(known.text, response);
  return method === 'GET' && response.ok ? remember(url, response) : response;
}

function signature(request: Request, text: string, { visitor }: Call): [string, string][] {
  const secret = settings().signatureSecret;
  if (!secret) return [];
  const { pathname, search } = new URL(request.url);
  const parts = { method: request.method, target: pathname + search, body: text, visitor };
  return Object.entries(sign(secret, parts));
}

const remembered = single('etags', () => new Map<string, { etag: string; text: string }>());
const rememberedAnswers = 200;
const jsonAnswer = { status: 200, headers: { 'content-type': 'application/json' } };

/** The kept answer, which is true again at the time of this one. */
function unchanged(text: string, { headers }: Response): Response {
  const date = new Date(headers.get('date') ?? Date.now()).toISOString();
  return new Response(text.replace(/"asOf":"[^"]*"/, `"asOf":"${date}"`), jsonAnswer);
}

/** Keep an answer, so that the next call can ask whether it has changed. */
async function remember(url: string, response: Response): Promise<Response> {
  const etag = response.headers.get('etag');
  if (!etag) return response;
  const text = await response.text();
  remembered.delete(url);
  remembered.set(url, { etag, text });
  const [oldest] = remembered.keys();
  if (remembered.size > rememberedAnswers && oldest) remembered.delete(oldest);
  return new Response(text, jsonAnswer);
}

/** Forget all answers: they may hold a player who must be forgotten. */
export function forgetResponses(): void {
  remembered.clear();
}
