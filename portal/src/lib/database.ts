import 'server-only';
import { PrismaPg } from '@prisma/adapter-pg';
import { Pool } from 'pg';
import { PrismaClient } from '../generated/prisma/client.ts';
import { log } from './log.ts';
import { settings } from './settings.ts';
import { single } from './single.ts';

export type Database = PrismaClient;

/** The schema `portal`, or null if the portal reads from the API alone. */
export function database(): Database | null {
  return single('database', connect);
}

function connect(): Database | null {
  const { databaseUrl, databasePool } = settings();
  if (!databaseUrl) return null;
  const pool = new Pool({
    connectionString: databaseUrl,
    max: databasePool,
    connectionTimeoutMillis: 700,
    // The server's statement_timeout does not help when the server is silent.
    query_timeout: 900,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
    application_name: 'grps-portal',
  });
  // Without a listener, an idle connection that breaks would end the process.
  pool.on('error', (error) =>
    log('warning', 'database connection lost', { message: error.message }),
  );
  return new PrismaClient({ adapter: new PrismaPg(pool) });
}
