/**
 * Generates the clients of the database and the API into src/generated.
 *
 * With DATABASE_URL (a role that reads the schema `portal`), the Prisma schema is pulled first. With
 * OPENAPI (a file or address), the types of the API are made too. `--check` changes nothing and
 * fails if anything would change.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const portal = join(import.meta.dirname, '..');
const check = process.argv.includes('--check');
const outputs = ['prisma', 'src/generated'];

const environment = {
  ...process.env,
  CHECKPOINT_DISABLE: '1',
  PRISMA_HIDE_UPDATE_MESSAGE: '1',
  // The CLI would download an executable otherwise.
  PRISMA_SCHEMA_ENGINE_BINARY: join(import.meta.dirname, 'schema-engine.mjs'),
};

function run(tool, ...parameters) {
  const command = join(portal, 'node_modules', '.bin', tool);
  const { status, stdout, stderr } = spawnSync(command, parameters, {
    cwd: portal,
    env: environment,
    encoding: 'utf8',
  });
  if (status === 0) return;
  throw new Error(`${tool} ${parameters.join(' ')} failed:\n${stdout}${stderr}`);
}

function generate() {
  if (process.env.DATABASE_URL) run('prisma', 'db', 'pull');
  run('prisma', 'generate');
  const { OPENAPI } = process.env;
  if (OPENAPI) run('openapi-typescript', OPENAPI, '--output', 'src/generated/openapi.ts');
}

function* filesIn(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) yield relative(folder, join(entry.parentPath, entry.name));
  }
}

/** Names of the files that differ between two folders. */
function differences(before, after) {
  const names = new Set([...filesIn(before), ...filesIn(after)]);
  return [...names].filter((name) => {
    const pair = [join(before, name), join(after, name)];
    if (!pair.every((path) => existsSync(path))) return true;
    const [one, other] = pair.map((path) => readFileSync(path));
    return !one.equals(other);
  });
}

function checkFresh() {
  const kept = mkdtempSync(join(tmpdir(), 'portal-generated-'));
  try {
    for (const folder of outputs)
      cpSync(join(portal, folder), join(kept, folder), { recursive: true });
    generate();
    const changed = outputs.flatMap((folder) => {
      return differences(join(kept, folder), join(portal, folder)).map((name) =>
        join(folder, name),
      );
    });
    for (const folder of outputs) {
      rmSync(join(portal, folder), { recursive: true });
      cpSync(join(kept, folder), join(portal, folder), { recursive: true });
    }
    if (changed.length === 0) return;
    process.stderr.write(`Not fresh: ${changed.join(', ')}. Run npm run generate.\n`);
    process.exitCode = 1;
  } finally {
    rmSync(kept, { recursive: true });
  }
}

if (check) checkFresh();
else generate();
