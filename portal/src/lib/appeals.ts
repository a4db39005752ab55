/** Sends a visitor's request for a second look at a case, and reads the answer to it. */
import 'server-only';
import { type Field, type Problem as FormProblem, plainCode, type Typed } from './appealForm.ts';
import { found, grpsBackendClient, Problem } from './grpsBackendClient.ts';
import type { MessageKey } from './i18n.ts';
import { log } from './log.ts';
import { Unavailable } from './unavailable.ts';
import type { Visit } from './visit.ts';

// Django asks Cloudflare about the token, which may take five seconds.
const sendMilliseconds = 8_000;
const readMilliseconds = 2_000;
const tokenPattern = /^[\w-]{20,100}$/;

export interface AppealAnswer {
  status: 'open' | 'approved' | 'rejected';
  answer: string;
  openedAt: string;
  decidedAt: string | null;
}

/** Send a checked form with Turnstile's unspent token. Returns the token of the answer, or a problem. */
export async function sendAppeal(
  typed: Typed,
  turnstile: string,
  visit: Visit,
): Promise<{ token: string } | FormProblem> {
  const client = grpsBackendClient({ ...visit, signal: AbortSignal.timeout(sendMilliseconds) });
  try {
    const sent = await client.POST('/appeals', {
      // Ids above 2^53 would lose digits as a number of JavaScript.
      body: {
        userId: 0,
        case: plainCode(typed.code),
        text: typed.text,
        'cf-turnstile-response': turnstile,
      },
      bodySerializer: (body) =>
        JSON.stringify(body).replace('"userId":0', `"userId":${typed.userId}`),
    });
    const opened = found(sent);
    if (opened) return { token: opened.token };
    return { field: null, key: 'appeal.errors.away' };
  } catch (error) {
    if (error instanceof Problem) {
      // 401 is also what a wrong clock or a wrong secret of ours gets.
      const { status } = error;
      log('warning', 'appeal refused', { requestId: visit.requestId, status });
      return problemOf(error);
    }
    log('warning', 'appeal not sent', { requestId: visit.requestId, error: String(error) });
    return { field: null, key: 'appeal.errors.away' };
  }
}

const byStatus: Record<number, [Field | null, MessageKey]> = {
  400: ['code', 'appeal.errors.unknownCode'],
  401: ['robot', 'appeal.errors.robotExpired'],
};

function problemOf(problem: Problem): FormProblem {
  if (problem.status === 429)
    return { field: null, key: 'appeal.errors.wait', values: { count: problem.retryAfter ?? 60 } };
  const [field, key] = byStatus[problem.status] ?? [null, 'appeal.errors.away'];
  return { field, key };
}

/** The answer at a token, or null for an unknown token. Throws Unavailable without the API. */
export async function readAppeal(token: string, visit: Visit): Promise<AppealAnswer | null> {
  if (!tokenPattern.test(token)) return null;
  const client = grpsBackendClient({ ...visit, signal: AbortSignal.timeout(readMilliseconds) });
  const answer = await reached(client.GET('/appeals/{token}', { params: { path: { token } } }));
  if (!answer) return null;
  const { status, answer: text, openedAt, decidedAt } = answer;
  return { status: known(status), answer: text, openedAt, decidedAt: decidedAt ?? null };
}

async function reached<T>(asked: Promise<Parameters<typeof found<T>>[0]>): Promise<T | null> {
  try {
    return found(await asked);
  } catch (error) {
    throw new Unavailable(String(error));
  }
}

function known(status: string): AppealAnswer['status'] {
  return status === 'approved' || status === 'rejected' ? status : 'open';
}
