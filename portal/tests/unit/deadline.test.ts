import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadlinePassed, until } from '../../src/lib/deadline.ts';

test('gives up on a silent source at the deadline, and tells it', async () => {
  let signal: AbortSignal | undefined;
  const startedAt = Date.now();
  const silent = (given: AbortSignal) => {
    signal = given;
    return new Promise<never>(() => {});
  };
  await assert.rejects(until(startedAt + 50, silent), DeadlinePassed);
  assert.ok(Date.now() - startedAt >= 49);
  assert.equal(signal?.aborted, true);
});

test('a deadline that has passed gives up at once', async () => {
  await assert.rejects(
    until(Date.now() - 1, () => new Promise<never>(() => {})),
    DeadlinePassed,
  );
});

test('an answer in time is handed on, an error too', async () => {
  assert.equal(await until(Date.now() + 1_000, async () => 7), 7);
  const bad = async () => {
    throw new Error('refused');
  };
  await assert.rejects(until(Date.now() + 1_000, bad), /refused/);
});
