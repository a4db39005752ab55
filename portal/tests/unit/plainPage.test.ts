import assert from 'node:assert/strict';
import { test } from 'node:test';

import { plainPage } from '../../src/lib/plainPage.ts';

test('every text and the address are escaped', () => {
  const bad = `"><script>'&`;
  const page = plainPage({
    language: bad,
    brandName: bad,
    title: bad,
    text: bad,
    again: { text: bad, href: bad },
    quote: bad,
    nonce: bad,
  });
  assert.ok(!page.includes('<script>'));
  assert.ok(page.includes('<h1>&quot;&gt;&lt;script&gt;&#39;&amp;</h1>'));
  assert.ok(page.includes('href="&quot;&gt;&lt;script&gt;&#39;&amp;"'));
});
