import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { isSignedHook, sameSecret } from '../../src/lib/secrets.ts';

const key = Buffer.alloc(32, 7);
const secret = `whsec_${key.toString('base64')}`;
const now = 1_767_225_600_000;
const body = '{"type":"player.erased","data":{"userId":"156"}}';

function signed({ id = 'msg_1', timestamp = now / 1000, text = body } = {}): Headers {
  const digest = createHmac('sha256', key).update(`${id}.${timestamp}.${text}`).digest('base64');
  return new Headers({
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${digest}`,
  });
}

test('accepts a signed hook, also beside the signature of an old secret', () => {
  assert.ok(isSignedHook(secret, signed(), body, now));
  const rotated = signed();
  rotated.set('webhook-signature', `v1,b2xk ${rotated.get('webhook-signature')}`);
  assert.ok(isSignedHook(secret, rotated, body, now));
});

test('refuses a hook that is changed, old or not signed', () => {
  assert.ok(!isSignedHook(secret, signed(), `${body} `, now));
  assert.ok(!isSignedHook(secret, signed(), body, now + 301_000));
  assert.ok(!isSignedHook(secret, signed(), body, now - 301_000));
  assert.ok(!isSignedHook('whsec_b3RoZXI=', signed(), body, now));
  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
    const headers = signed();
    headers.delete(name);
    assert.ok(!isSignedHook(secret, headers, body, now), name);
  }
});

test('compares secrets of any length', () => {
  assert.ok(sameSecret('abc', 'abc'));
  assert.ok(!sameSecret('abc', 'abcd'));
  assert.ok(!sameSecret('', 'abc'));
});
