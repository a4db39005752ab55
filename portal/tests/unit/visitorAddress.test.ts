import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visitorAddress } from '../../src/lib/visitorAddress.ts';

function found(forwarded: string | null, proxies: number, connection?: string): string | undefined {
  const headers = new Headers(forwarded === null ? {} : { 'x-forwarded-for': forwarded });
  return visitorAddress(headers, proxies, connection);
}

test('without proxies the header is not believed', () => {
  assert.equal(found('203.0.113.9', 0, '198.51.100.1'), '198.51.100.1');
});

test('what the visitor wrote before the entries of our proxies is not believed', () => {
  assert.equal(found('10.0.0.1, 203.0.113.9', 1, '127.0.0.1'), '203.0.113.9');
  assert.equal(found('10.0.0.1, 203.0.113.9, 192.0.2.7', 2, '127.0.0.1'), '203.0.113.9');
});

test('IPv4 in IPv6 form is IPv4', () => {
  assert.equal(found(null, 0, '::ffff:198.51.100.1'), '198.51.100.1');
  assert.equal(found(null, 0, '2001:db8::1'), '2001:db8::1');
});

test('ports, brackets, quotes and zones are left out', () => {
  assert.equal(found('203.0.113.9:51234', 1, '127.0.0.1'), '203.0.113.9');
  assert.equal(found('"[2001:db8::1]:51234"', 1, '127.0.0.1'), '2001:db8::1');
  assert.equal(found('[::ffff:203.0.113.9]', 1, '127.0.0.1'), '203.0.113.9');
  assert.equal(found('fe80::1%eth0', 1, '127.0.0.1'), 'fe80::1');
});

test('text that is no address is nobody', () => {
  assert.equal(found('unknown', 1, '127.0.0.1'), undefined);
  assert.equal(found(null, 0), undefined);
});
