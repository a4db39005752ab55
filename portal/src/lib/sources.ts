/** Answers a question from the database, the API or the snapshot, whichever answers first in order. */
import 'server-only';
import type { Ask } from './ask.ts';
import { Breaker, type Judgement, SourceAway } from './breaker.ts';
import { type Database, database, dropConnections } from './database.ts';
import { DeadlinePassed, until } from './deadline.ts';
import { Flights } from './flights.ts';
import { type Backend, grpsBackendClient, Problem } from './grpsBackendClient.ts';
import { log } from './log.ts';
import { noteAnswer } from './requests.ts';
import type { Answer, Source } from './shapes.ts';
import { single } from './single.ts';
import { snapshot } from './snapshot/index.ts';
import { Unavailable } from './unavailable.ts';

export type Live = Exclude<Source, 'snapshot'>;

/** What a source says, and when it was true (the time of the answer if it does not say). */
export interface Reading<T> {
  value: T;
  asOf?: string | undefined;
}

/** One question with both ways to its answer, which must be equal. */
export interface Question<T> {
  /** Names the question with all its parameters. */
  key: string;
  fromDatabase(database: Database): Promise<Reading<T>>;
  fromApi(api: Backend): Promise<Reading<T>>;
  /** The source that is asked first. Default: the database. */
  first?: Live;
  /** Whether the answer is kept for when no source answers. Default: yes. */
  kept?: boolean;
}

/** The share of the remaining time that the first source gets. */
const firstShare = 0.6;
const shortestWait = 100; // milliseconds
const lastResortMilliseconds = 1_000;

const breakers = single('breakers', () => ({
  database: new Breaker({ judge }),
  api: new Breaker({ judge }),
}));
const flights = single('flights', () => new Flights());

/** Forget the answers of the last second. */
export function forgetAnswers(): void {
  flights.clear();
}

/** Answer from a source, or from the snapshot, or throw `Unavailable`. */
export async function answer<T>(ask: Ask, question: Question<T>): Promise<Answer<T>> {
  const found = await flights.share(question.key, () => find(ask, question));
  noteAnswer(found);
  return found;
}

async function find<T>(ask: Ask, question: Question<T>): Promise<Answer<T>> {
  const live = await fromSources(ask, question);
  if (live) {
    if (question.kept !== false) snapshot().keep(question.key, live);
    return live;
  }
  const kept = await snapshot().find<T>(question.key).catch(unreadable);
  if (kept) return { ...kept, from: 'snapshot', stale: true };
  const forced = await lastResort(ask, question);
  if (forced) return forced;
  throw new Unavailable('No source answers.');
}

/** Nothing is saved: better wait once more, also for a source that failed lately. */
async function lastResort<T>(ask: Ask, question: Question<T>): Promise<Answer<T> | null> {
  const longer = { ...ask, deadline: Date.now() + lastResortMilliseconds };
  const tries = (['database', 'api'] as const).map(async (source) => {
    const answered = await attempt(source, longer, question, 'force');
    return answered ?? Promise.reject(new SourceAway(source));
  });
  return Promise.any(tries).catch(() => null);
}

/** Ask both sources in order. `null`: neither answers. */
export async function fromSources<T>(ask: Ask, question: Question<T>): Promise<Answer<T> | null> {
  const first = question.first ?? 'database';
  const second = first === 'database' ? 'api' : 'database';
  const left = ask.deadline - Date.now();
  const share = canHelp(second) ? left * firstShare : left;
  const early = { ...ask, deadline: Date.now() + share };
  return (await attempt(first, early, question)) ?? attempt(second, ask, question);
}

function judge(error: unknown): Judgement {
  if (error instanceof Problem && error.isOurs) return 'up';
  return error instanceof DeadlinePassed && error.weWereLate ? 'unknown' : 'away';
}

function canHelp(source: Live): boolean {
  return breakers[source].state !== 'open' && (source === 'api' || database() !== null);
}

/** Ask one source. `null`: it does not answer, it is not set up, or there is no time left. */
export async function attempt<T>(
  source: Live,
  ask: Ask,
  question: Question<T>,
  how: 'run' | 'force' = 'run',
): Promise<Answer<T> | null> {
  const prisma = database();
  if (source === 'database' && !prisma) return null;
  // A timeout after less time would say nothing about the source.
  if (ask.deadline - Date.now() < shortestWait) return null;
  const call = (signal: AbortSignal) =>
    source === 'database' && prisma
      ? question.fromDatabase(prisma)
      : question.fromApi(grpsBackendClient({ requestId: ask.requestId, signal }));
  try {
    const reading = await breakers[source][how](() => until(ask.deadline, call));
    const asOf = reading.asOf ?? new Date().toISOString();
    return { value: reading.value, from: source, asOf, stale: false };
  } catch (error) {
    if (error instanceof SourceAway) return null;
    if (source === 'database' && prisma) dropConnections(prisma);
    report(source, ask, question.key, error);
    return null;
  }
}

function report(source: Live, ask: Ask, key: string, error: unknown): void {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const status = error instanceof Problem ? error.status : undefined;
  log('warning', 'source failed', {
    source,
    // The rest may be what a visitor typed.
    question: key.split(/[ :]/, 1)[0],
    requestId: ask.requestId,
    error: name,
    message,
    status,
  });
}

function unreadable(error: unknown): null {
  log('error', 'snapshot not read', { error: String(error) });
  return null;
}
