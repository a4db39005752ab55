/** Takes players out of everything that the portal has saved. */
import 'server-only';
import { newAsk } from './ask.ts';
import { database } from './database.ts';
import { forgetResponses } from './grpsBackendClient.ts';
import { playerQuestion } from './read/player.ts';
import { snapshot } from './snapshot/index.ts';
import { attempt, forgetAnswers, fromSources, type Question } from './sources.ts';

const milliseconds = 5_000;
const databaseBatch = 1_000;
/** Without a database, each player is one call, so a sweep looks at some of them in turn. */
const apiBatch = 100;
let turn = 0;

/** Forget these players, and the answers of the last second. */
export async function forgetPlayers(userIds: readonly string[]): Promise<void> {
  forgetAnswers();
  if (userIds.length === 0) return;
  forgetResponses();
  await snapshot().forget(new Set(userIds));
}

/** Forget every saved player whom the database or else the API no longer lists. */
export async function sweep(requestId: string): Promise<void> {
  const saved = await snapshot().players();
  const gone =
    (await goneByDatabase(requestId, saved)) ?? (await goneByApi(requestId, nextOf(saved)));
  await forgetPlayers(gone);
}

async function goneByDatabase(requestId: string, saved: string[]): Promise<string[] | null> {
  if (!database()) return null;
  const gone: string[] = [];
  for (let start = 0; start < saved.length; start += databaseBatch) {
    const batch = saved.slice(start, start + databaseBatch);
    const answered = await attempt('database', newAsk(requestId, milliseconds), listed(batch));
    if (!answered) return null;
    gone.push(...batch.filter((id) => !answered.value.has(id)));
  }
  return gone;
}

function listed(userIds: string[]): Question<Set<string>> {
  return {
    key: 'still listed',
    async fromDatabase(prisma) {
      const rows = await prisma.$queryRaw<{ id: string }[]>`
        SELECT id::text FROM portal.still_listed(${userIds.map(BigInt)}::bigint[]) AS id`;
      return { value: new Set(rows.map(({ id }) => id)) };
    },
    fromApi: () => Promise.reject(new Error('The API has no such question.')),
  };
}

function nextOf(saved: string[]): string[] {
  const batch = saved.slice(turn, turn + apiBatch);
  turn = turn + apiBatch < saved.length ? turn + apiBatch : 0;
  return batch;
}

async function goneByApi(requestId: string, userIds: string[]): Promise<string[]> {
  const gone: string[] = [];
  for (const userId of userIds) {
    const answered = await fromSources(newAsk(requestId, milliseconds), playerQuestion(userId));
    // Neither answers: nobody can be known to be gone.
    if (!answered) return gone;
    if (answered.value === null) gone.push(userId);
  }
  return gone;
}
