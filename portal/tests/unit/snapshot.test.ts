import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { FileHome } from '../../src/lib/snapshot/fileHome.ts';
import { MemoryHome } from '../../src/lib/snapshot/memoryHome.ts';
import { type Home, Snapshot } from '../../src/lib/snapshot/store.ts';
import { type RuntimeCache, VercelHome } from '../../src/lib/snapshot/vercelHome.ts';

const asOf = '2026-11-30T12:00:00.000Z';
const noon = Date.parse(asOf);
const board = {
  players: [
    { userId: '1', username: 'Nia', points: 10n ** 16n + 1n },
    { userId: '2', username: 'Olga', points: 0n },
  ],
  fastest: [{ player: { userId: '1', username: 'Nia' }, seconds: 5 }],
};

let folder: string;
let time = noon;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snapshot-'));
  time = noon;
});
afterEach(() => rm(folder, { recursive: true }));

const homes: [string, () => Home][] = [
  ['file', () => new FileHome(join(folder, 'snapshot'))],
  ['memory', () => new MemoryHome()],
  ['vercel', () => vercelHome()],
];

function vercelHome(): Home {
  const entries = new Map<string, unknown>();
  const cache: RuntimeCache = {
    get: async (key) => entries.get(key) ?? null,
    set: async (key, value) => void entries.set(key, value),
    delete: async (key) => void entries.delete(key),
  };
  return new VercelHome(() => cache);
}

/** Keeping goes on beside the caller. */
async function until(reached: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await reached()) return;
    await wait(10);
  }
  assert.fail('It is not so after five seconds.');
}

const snapshotIn = (home: Home) => new Snapshot(home, { now: () => time });

for (const [name, make] of homes) {
  test(`${name}: an answer comes back with every digit`, async () => {
    const snapshot = snapshotIn(make());
    await snapshot.replace('board', { value: board, asOf });
    assert.deepEqual(await snapshot.find('board'), { value: board, asOf });
    assert.equal(await snapshot.find('other'), null);
    time += 90_000;
    assert.equal(await snapshot.age('board'), 90);
  });

  test(`${name}: after 24 hours it is gone`, async () => {
    const home = make();
    const snapshot = snapshotIn(home);
    await snapshot.replace('board', { value: board, asOf });
    time += 86_400_001;
    assert.equal(await snapshot.find('board'), null);
    assert.deepEqual(await home.keys(), []);
  });

  test(`${name}: a forgotten player is in no answer`, async () => {
    const home = make();
    const snapshot = snapshotIn(home);
    await snapshot.replace('board', { value: board, asOf });
    await snapshot.replace('player:1', { value: board.players[0], asOf });
    await snapshot.replace('series player:1 90', { value: [{ day: '2026-11-30' }], asOf });
    await snapshot.replace('player:12', { value: { userId: '12' }, asOf });
    assert.deepEqual((await snapshot.players()).sort(), ['1', '12', '2']);
    await snapshot.forget(new Set(['1']));
    assert.deepEqual((await home.keys()).sort(), ['board', 'player:12']);
    const found = await snapshot.find<typeof board>('board');
    assert.deepEqual(
      found?.value.players.map(({ userId }) => userId),
      ['2'],
    );
    assert.deepEqual(found?.value.fastest, []);
    assert.equal(found?.asOf, asOf);
  });

  test(`${name}: a question is kept once in 30 seconds`, async () => {
    const snapshot = snapshotIn(make());
    const kept = async () => (await snapshot.find('stats'))?.value;
    snapshot.keep('stats', { value: 1, asOf });
    await until(async () => (await kept()) === 1);
    time += 29_999;
    snapshot.keep('stats', { value: 2, asOf });
    time += 1;
    snapshot.keep('stats', { value: 3, asOf });
    await until(async () => (await kept()) !== 1);
    assert.equal(await kept(), 3);
  });

  test(`${name}: an answer of nothing removes what was kept`, async () => {
    const snapshot = snapshotIn(make());
    snapshot.keep('player:1', { value: { userId: '1' }, asOf });
    await until(async () => (await snapshot.find('player:1')) !== null);
    snapshot.keep('player:1', { value: null, asOf });
    await until(async () => (await snapshot.find('player:1')) === null);
  });
}

test('file: a torn entry, or one of another version, is as good as none', async () => {
  const home = new FileHome(folder);
  const snapshot = snapshotIn(home);
  await snapshot.replace('board', { value: board, asOf });
  const [file = ''] = await readdir(folder);
  const text = await readFile(join(folder, file), 'utf8');
  await writeFile(join(folder, file), text.slice(0, -20));
  assert.equal(await snapshot.find('board'), null);
  await writeFile(join(folder, file), text.replace('"version":1', '"version":2'));
  assert.equal(await snapshot.find('board'), null);
  await writeFile(join(folder, file), '');
  assert.equal(await snapshot.find('board'), null);
  assert.deepEqual(await home.keys(), []);
});

test('file: tidying deletes old entries and torn drafts', async () => {
  const home = new FileHome(folder);
  await home.write('young', '{"version":1,"key":"young"}');
  await home.write('old', '{"version":1,"key":"old"}');
  await writeFile(join(folder, 'torn.draft'), '');
  const [old] = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const past = new Date(Date.now() - 86_400_000 - 60_000);
  for (const name of [old ?? '', 'torn.draft']) await utimes(join(folder, name), past, past);
  await home.tidy();
  assert.equal((await readdir(folder)).length, 1);
});

test('an unwritable home is no error for the visitor', async () => {
  await writeFile(join(folder, 'file'), '');
  const snapshot = snapshotIn(new FileHome(join(folder, 'file', 'snapshot')));
  snapshot.keep('stats', { value: 1, asOf });
  await assert.rejects(snapshot.find('stats'), { code: 'ENOTDIR' });
});
