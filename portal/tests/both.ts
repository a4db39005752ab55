/**
 * Answers each question twice: from the database, and from the API. Reads `{reader, arguments}` as
 * JSON lines, and writes `{database, api}` for each. For the tests in `tests/portal/`.
 * Run by `node --conditions=react-server`, in which `server-only` is empty.
 */
import { createInterface } from 'node:readline';
import { database } from '../src/lib/database.ts';
import { grpsBackendClient } from '../src/lib/grpsBackendClient.ts';
import * as events from '../src/lib/read/events.ts';
import * as leaderboard from '../src/lib/read/leaderboard.ts';
import * as periods from '../src/lib/read/periods.ts';
import * as player from '../src/lib/read/player.ts';
import * as policy from '../src/lib/read/policy.ts';
import * as promotions from '../src/lib/read/promotions.ts';
import * as ranks from '../src/lib/read/ranks.ts';
import * as records from '../src/lib/read/records.ts';
import * as search from '../src/lib/read/search.ts';
import * as stats from '../src/lib/read/stats.ts';
import type { Question } from '../src/lib/sources.ts';

type Reader = (...parameters: never[]) => Question<unknown>;

const modules: Record<string, object> = {
  events,
  leaderboard,
  periods,
  player,
  policy,
  promotions,
  ranks,
  records,
  search,
  stats,
};

/** The question that `module.function(...)` asks. A question without parameters is a constant. */
function question(reader: string, parameters: never[]): Question<unknown> {
  const [module = '', name = ''] = reader.split('.');
  const found = (modules[module] as Record<string, Reader | Question<unknown>> | undefined)?.[name];
  if (!found) throw new Error(`there is no reader ${reader}`);
  return typeof found === 'function' ? found(...parameters) : found;
}

async function tried(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return { error: String(error) };
  }
}

const source = database();
if (!source) throw new Error('DATABASE_URL is not set');

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line) as { reader: string; arguments: never[] };
  const one = question(asked.reader, asked.arguments);
  const api = grpsBackendClient({ requestId: 'both', signal: AbortSignal.timeout(60_000) });
  const answers = {
    database: await tried(async () => (await one.fromDatabase(source)).value),
    api: await tried(async () => (await one.fromApi(api)).value),
  };
  const text = JSON.stringify(answers, (_, value) =>
    typeof value === 'bigint' ? `${value} hundredths` : value,
  );
  process.stdout.write(`${text}\n`);
}
process.exit(0);
