import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breaker, SourceAway } from '../../src/lib/breaker.ts';

function clock() {
  let time = 1_000;
  return { now: () => time, pass: (milliseconds: number) => (time += milliseconds) };
}

const good = async () => 'answer';
const bad = async () => {
  throw new Error('refused');
};

test('opens at the first failure and calls nothing until the pause is over', async () => {
  const { now, pass } = clock();
  const breaker = new Breaker({ now });
  await assert.rejects(breaker.run(bad), /refused/);
  assert.equal(breaker.state, 'open');
  let called = 0;
  const count = async () => (called += 1);
  pass(4_999);
  await assert.rejects(breaker.run(count), SourceAway);
  assert.equal(called, 0);
  pass(1);
  assert.equal(breaker.state, 'half-open');
  await breaker.run(count);
  assert.equal(breaker.state, 'closed');
});

test('lets one call through when the pause is over', async () => {
  const { now, pass } = clock();
  const breaker = new Breaker({ now });
  await assert.rejects(breaker.run(bad));
  pass(5_000);
  let release = () => {};
  const probe = breaker.run(() => new Promise<void>((resolve) => (release = resolve)));
  await assert.rejects(breaker.run(good), SourceAway);
  release();
  await probe;
  assert.equal(await breaker.run(good), 'answer');
});

test('waits again after a failed probe', async () => {
  const { now, pass } = clock();
  const breaker = new Breaker({ now });
  await assert.rejects(breaker.run(bad));
  pass(5_000);
  await assert.rejects(breaker.run(bad), /refused/);
  pass(4_999);
  assert.equal(breaker.state, 'open');
  pass(1);
  assert.equal(await breaker.run(good), 'answer');
});

test('a call from before the source came back does not open it again', async () => {
  const { now, pass } = clock();
  const breaker = new Breaker({ now });
  let fail = () => {};
  const slow = breaker.run(
    () => new Promise<void>((_, reject) => (fail = () => reject(new Error('late')))),
  );
  await assert.rejects(breaker.run(bad));
  pass(5_000);
  await breaker.run(good);
  fail();
  await assert.rejects(slow, /late/);
  assert.equal(breaker.state, 'closed');
});

test('an error of ours leaves it closed, and one that says nothing changes nothing', async () => {
  const { now, pass } = clock();
  const judged = ['up', 'away', 'unknown', 'up'] as const;
  let error = 0;
  const breaker = new Breaker({ now, judge: () => judged[error++] ?? 'away' });
  await assert.rejects(breaker.run(bad));
  assert.equal(breaker.state, 'closed');
  await assert.rejects(breaker.run(bad));
  pass(5_000);
  await assert.rejects(breaker.run(bad), /refused/);
  assert.equal(breaker.state, 'half-open');
  await assert.rejects(breaker.run(bad), /refused/);
  assert.equal(breaker.state, 'closed');
});

test('can be forced', async () => {
  const breaker = new Breaker();
  await assert.rejects(breaker.run(bad));
  assert.equal(await breaker.force(good), 'answer');
  assert.equal(breaker.state, 'closed');
});

test('knows errors by name, since a module may be loaded twice', () => {
  class Copy extends Error {
    override readonly name = 'SourceAway';
  }
  assert.ok(new Copy() instanceof SourceAway);
  assert.ok(new SourceAway() instanceof SourceAway);
  assert.ok(!(new Error() instanceof SourceAway));
});
