import 'server-only';
import { PrismaPg } from '@prisma/adapter-pg';
import { Pool } from 'pg';
import { PrismaClient } from '../generated/prisma/client.ts';
import { log } from './log.ts';
import { settings } from './settings.ts';
import { single } from './single.ts';

export type Database = PrismaClient;

interface Connected {
  client: Database;
  pool: Pool;
}

const current = single('database', () => ({ connected: null as Connected | null }));

/** The schema `portal`, or null if the portal reads from the API alone. */
export function database(): Database | null {
  const { databaseUrl } = settings();
  if (!databaseUrl) return null;
  current.connected ??= connect(databaseUrl);
  return current.connected.client;
}

/** Begin with new connections: a silent one would go back to the pool after its transaction. */
export function dropConnections(client: Database): void {
  const dropped = current.connected;
  if (dropped?.client !== client) return;
  current.connected = null;
  // Others may be in the middle of an answer.
  setTimeout(() => void dropped.pool.end().catch(notClosed), 2_000).unref();
}

function notClosed(error: unknown): void {
  log('warning', 'database connections not closed', { error: String(error) });
}

function connect(connectionString: string): Connected {
  const { databasePool, pageDeadline } = settings();
  const pool = new Pool({
    connectionString,
    max: databasePool,
    // Nobody waits this long: the deadline of each page is shorter. They free what is stuck, since
    // the server's own statement_timeout does not help when the server is silent.
    connectionTimeoutMillis: 2 * pageDeadline,
    query_timeout: 2 * pageDeadline,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
    application_name: 'grps-portal',
  });
  // Without a listener, an idle connection that breaks would end the process.
  pool.on('error', (error) => {
    log('warning', 'database connection lost', { message: error.message });
  });
  return { client: new PrismaClient({ adapter: new PrismaPg(pool) }), pool };
}
