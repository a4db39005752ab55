import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sign } from '../../src/lib/signing.ts';

const secret = 'a secret of sixteen';
const call = { method: 'POST', target: '/appeals?lang=en', body: '{"text":"Grüße"}' };
const fixed = ['1767225600', '0123456789abcdef'] as const;

// Made by Django's grps_site/http/request_signing.py with the same secret, time and nonce.
test('signs as Django does', () => {
  assert.deepEqual(sign(secret, call, ...fixed), {
    'x-grps-timestamp': '1767225600',
    'x-grps-nonce': '0123456789abcdef',
    'x-grps-signature': 'v1=01434b16b48692a5afe24718b59cde99321f91f34c31bee412c77cf19c09f672',
  });
});

test('signs the address of the visitor too', () => {
  const headers = sign(secret, { ...call, visitor: '2001:db8::1' }, ...fixed);
  assert.equal(headers['x-grps-visitor'], '2001:db8::1');
  assert.equal(
    headers['x-grps-signature'],
    'v1=44d48bd98290acbe12d9d1e93adecacbeb28f02d5a999da6451db6d85612c128',
  );
});

test('each call has a nonce of its own', () => {
  const nonces = new Set([1, 2, 3].map(() => sign(secret, call)['x-grps-nonce']));
  assert.equal(nonces.size, 3);
});
