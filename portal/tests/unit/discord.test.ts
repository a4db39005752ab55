import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DiscordWidget } from '../../src/lib/discord.ts';

const ANSWER = {
  id: '1',
  name: 'Storm',
  presence_count: 42,
  instant_invite: 'https://discord.com/invite/storm',
  members: [{ username: 'somebody' }],
};

function stage(answers: (() => Response | Promise<Response>)[]) {
  const clock = { now: 1_000_000 };
  const asked: string[] = [];
  const fetcher = async (url: string | URL | Request) => {
    asked.push(String(url));
    const next = answers.shift();
    if (next === undefined) throw new Error('asked too often');
    return next();
  };
  return { widget: new DiscordWidget('123', fetcher, () => clock.now), clock, asked };
}

const answer =
  (body: unknown, status = 200) =>
  () =>
    new Response(JSON.stringify(body), { status });

test('it shows the server without its members', async () => {
  const { widget, asked } = stage([answer(ANSWER)]);
  assert.equal(widget.read(), null);
  await widget.settled();
  assert.deepEqual(widget.read(), {
    name: 'Storm',
    online: 42,
    invite: 'https://discord.com/invite/storm',
  });
  assert.deepEqual(asked, ['https://discord.com/api/guilds/123/widget.json']);
});

test('it asks again after five minutes, once for all readers', async () => {
  const { widget, clock, asked } = stage([
    answer(ANSWER),
    answer({ ...ANSWER, presence_count: 7 }),
  ]);
  widget.read();
  await widget.settled();
  clock.now += 299_000;
  widget.read();
  assert.equal(asked.length, 1);
  clock.now += 2_000;
  assert.equal(widget.read()?.online, 42);
  widget.read();
  await widget.settled();
  assert.equal(widget.read()?.online, 7);
  assert.equal(asked.length, 2);
});

test('an invitation to another site is not shown', async () => {
  const { widget } = stage([
    answer({ ...ANSWER, instant_invite: 'https://discord.gg.evil.example/x' }),
  ]);
  widget.read();
  await widget.settled();
  assert.equal(widget.read()?.invite, null);
});

for (const [name, wrong] of [
  ['an error', answer({}, 500)],
  ['another shape', answer({ name: 1 })],
  ['no JSON', () => new Response('<html>')],
  [
    'no network',
    () => {
      throw new TypeError('fetch failed');
    },
  ],
] as const) {
  test(`${name} shows nothing and waits a minute`, async () => {
    const { widget, clock, asked } = stage([wrong, answer(ANSWER)]);
    widget.read();
    await widget.settled();
    clock.now += 59_000;
    assert.equal(widget.read(), null);
    assert.equal(asked.length, 1);
    clock.now += 2_000;
    widget.read();
    await widget.settled();
    assert.equal(widget.read()?.name, 'Storm');
  });
}

test('the last answer stays for ten minutes of errors, then it goes', async () => {
  const failures = Array.from({ length: 12 }, () => answer({}, 503));
  const { widget, clock } = stage([answer(ANSWER), ...failures]);
  widget.read();
  await widget.settled();
  const shown: boolean[] = [];
  for (let minute = 0; minute < 12; minute += 1) {
    clock.now += 61_000;
    widget.read();
    await widget.settled();
    shown.push(widget.read() !== null);
  }
  assert.deepEqual(shown, [...Array<boolean>(9).fill(true), false, false, false]);
});
