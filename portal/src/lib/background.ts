/** What a portal of its own does beside answering: on Vercel, a cron job calls for the refresh. */
import 'server-only';
import { randomUUID } from 'node:crypto';
import { database } from './database.ts';
import { until } from './deadline.ts';
import { sweep } from './forget.ts';
import { grpsBackendClient } from './grpsBackendClient.ts';
import { log } from './log.ts';
import { statsQuestion } from './read/stats.ts';
import { warm, warmBoard } from './refresh.ts';
import { snapshot } from './snapshot/index.ts';

const second = 1_000;

/** Connect to both sources, so that the first visitor does not wait for it. */
export async function warmUp(): Promise<void> {
  const deadline = Date.now() + second;
  const prisma = database();
  await Promise.allSettled([
    until(deadline, async () => prisma && statsQuestion.fromDatabase(prisma)),
    until(deadline, (signal) => {
      return statsQuestion.fromApi(grpsBackendClient({ requestId: 'portal-start', signal }));
    }),
  ]);
}

export function startBackground(): void {
  if (process.env['VERCEL']) return;
  every(30 * second, 'refresh', warm);
  every(300 * second, 'refresh of the board', warmBoard);
  every(30 * second, 'sweep', sweep);
  every(60 * second, 'tidying', () => snapshot().tidy());
}

/** Run `work` now and again after each pause. An error ends one run only. */
function every(pause: number, name: string, work: (requestId: string) => Promise<void>): void {
  const run = async () => {
    const requestId = `portal-${randomUUID()}`;
    try {
      await work(requestId);
    } catch (error) {
      log('warning', `${name} failed`, { requestId, error: String(error) });
    }
    setTimeout(run, pause).unref();
  };
  // The first requests come first.
  setTimeout(run, 2 * second).unref();
}
