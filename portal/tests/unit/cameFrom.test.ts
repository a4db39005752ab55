import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cameFrom } from '../../src/lib/cameFrom.ts';

test('the way back never names another host', () => {
  const headers = { host: 'portal.test', referer: 'https://portal.test/de//evil.test/a' };
  const found = cameFrom(new Request('https://portal.test/api/language', { headers }));
  assert.equal(found.pathname, '/de/evil.test/a');
});
