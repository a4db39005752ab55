/** Renews the saved answers that every visitor may need. */
import 'server-only';
import { type Ask, newAsk } from './ask.ts';
import { leaderboardQuestion } from './read/leaderboard.ts';
import { policyQuestion } from './read/policy.ts';
import { promotionsQuestion } from './read/promotions.ts';
import { ranksQuestion } from './read/ranks.ts';
import { recordsQuestion } from './read/records.ts';
import { statsQuestion } from './read/stats.ts';
import type { LeaderboardQuery } from './shapes.ts';
import { snapshot } from './snapshot/index.ts';
import { answer, attempt, forgetAnswers, type Question } from './sources.ts';
import { Unavailable } from './unavailable.ts';

const milliseconds = 5_000;
/** Pages of the leaderboard that are kept: the first 1,000 players. */
const pages = 40;

export const topOfBoard: LeaderboardQuery = {
  by: 'points',
  period: 'all',
  rank: null,
  after: null,
  limit: 25,
};

export interface Refreshed {
  players: number;
  policyVersion: string;
  asOf: string;
  from: 'api';
}

/** Replace the saved answers by what the back end says, all or none. Throws `Unavailable`. */
export async function refresh(requestId: string): Promise<Refreshed> {
  const ask = newAsk(requestId, milliseconds);
  const [stats, policy, ...others] = await Promise.all([
    fromBackend(ask, statsQuestion),
    fromBackend(ask, policyQuestion),
    fromBackend(ask, leaderboardQuestion(topOfBoard)),
    fromBackend(ask, recordsQuestion(5)),
    fromBackend(ask, ranksQuestion),
  ]);
  const all = [stats, policy, ...others];
  await Promise.all(all.map(({ key, answered }) => snapshot().replace(key, answered)));
  forgetAnswers();
  return {
    players: stats.answered.value.players,
    policyVersion: policy.answered.value.version,
    asOf: stats.answered.asOf,
    from: 'api',
  };
}

async function fromBackend<T>(ask: Ask, question: Question<T>) {
  const answered = await attempt('api', ask, question);
  if (!answered) throw new Unavailable('The back end does not answer.');
  return { key: question.key, answered };
}

/** Ask what most pages need, so that it is saved also while nobody visits. */
export async function warm(requestId: string): Promise<void> {
  const ask = newAsk(requestId, milliseconds);
  await answer(ask, statsQuestion);
  await answer(ask, policyQuestion);
  await answer(ask, ranksQuestion);
  for (const limit of [1, 5]) await answer(ask, recordsQuestion(limit));
  for (const limit of [6, 25]) await answer(ask, promotionsQuestion(null, limit));
  for (const limit of [5, 25]) await answer(ask, leaderboardQuestion({ ...topOfBoard, limit }));
}

/** Save the first 1,000 players, page by page. */
export async function warmBoard(requestId: string): Promise<void> {
  let after: string | null = null;
  for (let page = 0; page < pages; page += 1) {
    const question: ReturnType<typeof leaderboardQuestion> = leaderboardQuestion({
      ...topOfBoard,
      after,
    });
    const { value, stale } = await answer(newAsk(requestId, milliseconds), question);
    after = value?.next ?? null;
    if (stale || !after) return;
  }
}
