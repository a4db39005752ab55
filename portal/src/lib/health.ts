import 'server-only';
import type { Ask } from './ask.ts';
import { Flights } from './flights.ts';
import { leaderboardQuestion } from './read/leaderboard.ts';
import { statsQuestion } from './read/stats.ts';
import { topOfBoard } from './refresh.ts';
import { settings } from './settings.ts';
import { single } from './single.ts';
import { snapshot } from './snapshot/index.ts';
import { attempt, type Live } from './sources.ts';

export type SourceState = 'up' | 'away' | 'unused';

export interface Health {
  /** `ok`: a source answers. `stale`: only saved answers are there. `unavailable`: nothing is. */
  status: 'ok' | 'stale' | 'unavailable';
  database: SourceState;
  api: SourceState;
  /** Seconds since the saved leaderboard was true, or null if there is none. */
  snapshotAge: number | null;
}

// Nobody is refused here, so many callers at once must not keep the sources busy.
const flights = single('healths', () => new Flights());

export function health(ask: Ask): Promise<Health> {
  return flights.share('health', () => look(ask));
}

async function look(ask: Ask): Promise<Health> {
  const [database, api, snapshotAge] = await Promise.all([
    state('database', ask),
    state('api', ask),
    snapshot().age(leaderboardQuestion(topOfBoard).key),
  ]);
  const live = database === 'up' || api === 'up';
  const status = live ? 'ok' : snapshotAge === null ? 'unavailable' : 'stale';
  return { status, database, api, snapshotAge };
}

async function state(source: Live, ask: Ask): Promise<SourceState> {
  if (source === 'database' && !settings().databaseUrl) return 'unused';
  return (await attempt(source, ask, statsQuestion)) ? 'up' : 'away';
}
