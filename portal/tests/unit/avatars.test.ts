import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';

const picture = Buffer.from('\x89PNG of a player', 'latin1');
const asked: IncomingMessage[] = [];
let answer: (response: ServerResponse) => void = () => undefined;

const server = createServer((request, response) => {
  asked.push(request);
  answer(response);
});
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve);
});
const { port } = server.address() as AddressInfo;
Object.assign(process.env, {
  NEXT_PUBLIC_AUTOMATION_BASE_URL: `http://127.0.0.1:${port}/`,
  AUTOMATION_SIGNATURE_SECRET: 'a-secret-of-the-tests',
  AVATARS: 'on',
});
const { avatar, avatarAddress } = await import('../../src/lib/avatars.ts');

after(() => server.close());

function get(headers: Record<string, string> = {}): Promise<Response> {
  return avatar('7', { headers: new Headers({ 'x-request-id': 'r-1', ...headers }) });
}

test('a picture has its address on this origin', () => {
  assert.equal(avatarAddress('7'), '/api/avatars/7');
});

test('passes the picture on, and signs its call', async () => {
  answer = (response) => {
    response.writeHead(200, { 'content-type': 'image/png', etag: '"e1"' }).end(picture);
  };
  const found = await get();
  assert.equal(found.headers.get('content-type'), 'image/png');
  assert.equal(found.headers.get('etag'), '"e1"');
  assert.deepEqual(Buffer.from(await found.arrayBuffer()), picture);
  const call = asked.at(-1);
  assert.equal(call?.url, '/players/7/avatar');
  assert.equal(call?.headers['x-request-id'], 'r-1');
  assert.match(String(call?.headers['x-grps-signature']), /^v1=[0-9a-f]{64}$/);
});

test('passes on that nothing changed', async () => {
  answer = (response) => {
    response.writeHead(304, { etag: '"e1"' }).end();
  };
  const found = await get({ 'if-none-match': '"e1"' });
  assert.equal(found.status, 304);
  assert.equal(asked.at(-1)?.headers['if-none-match'], '"e1"');
});

test('is transparent where there is no picture, no image or no answer', async () => {
  const answers: (typeof answer)[] = [
    (response) => response.writeHead(404, { 'content-type': 'application/problem+json' }).end('{}'),
    (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<script>'),
    (response) => response.writeHead(302, { location: '/elsewhere' }).end(),
    (response) => response.destroy(),
  ];
  for (const one of answers) {
    answer = one;
    const found = await get();
    assert.equal(found.status, 200);
    assert.equal(found.headers.get('content-type'), 'image/png');
    assert.ok((await found.arrayBuffer()).byteLength < 100);
  }
});
