import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flights } from '../../src/lib/flights.ts';

test('visitors at the same time share one question', async () => {
  const flights = new Flights();
  let asked = 0;
  const ask = async () => (asked += 1);
  const answers = await Promise.all([1, 2, 3].map(() => flights.share('stats', ask)));
  assert.deepEqual(answers, [1, 1, 1]);
  assert.equal(await flights.share('ranks', ask), 2);
});

test('an answer serves one second, counted from when it came', async () => {
  let time = 0;
  const flights = new Flights(1_000, () => time);
  let asked = 0;
  const ask = async () => {
    time += 400;
    asked += 1;
    return asked;
  };
  assert.equal(await flights.share('stats', ask), 1);
  time += 999;
  assert.equal(await flights.share('stats', ask), 1);
  time += 1;
  assert.equal(await flights.share('stats', ask), 2);
});

test('a failure is shared too, and forgotten on demand', async () => {
  const flights = new Flights();
  const fail = async () => {
    throw new Error('away');
  };
  await assert.rejects(flights.share('stats', fail), /away/);
  await assert.rejects(
    flights.share('stats', async () => 1),
    /away/,
  );
  flights.clear();
  assert.equal(await flights.share('stats', async () => 1), 1);
});
