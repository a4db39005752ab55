import assert from 'node:assert/strict';
import { test } from 'node:test';

import { escapeXml, type Feed, jsonFeed, rss } from '../../src/lib/feeds.ts';

const feed: Feed = {
  title: 'Promotions & more',
  description: 'New ranks',
  language: 'pt-BR',
  pageUrl: 'https://portal.example/promotions',
  feedUrl: 'https://portal.example/feed.xml?a=1&b=2',
  entries: [
    {
      id: 'promotion:9007199254740993',
      url: 'https://portal.example/players/1',
      title: '<script>alert("x")</script> & \u0000friends\uD800',
      text: "It's Captain I",
      publishedAt: '2026-11-30T16:00:00Z',
    },
  ],
};

test('RSS escapes names and leaves out characters that XML cannot hold', () => {
  const text = rss(feed);
  assert.ok(
    text.includes('<title>&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; friends</title>'),
  );
  assert.ok(text.includes('href="https://portal.example/feed.xml?a=1&amp;b=2"'));
  assert.ok(text.includes('<description>It&apos;s Captain I</description>'));
});

test('RSS dates are of RFC 822', () => {
  assert.ok(rss(feed).includes('<pubDate>Mon, 30 Nov 2026 16:00:00 GMT</pubDate>'));
});

test('RSS without entries says no date of its own', () => {
  const text = rss({ ...feed, entries: [] });
  assert.ok(!text.includes('lastBuildDate') && !text.includes('<item>'));
});

test('emoji and other scripts stay as they are', () => {
  assert.equal(escapeXml('🚀 日本 \u202Eabc'), '🚀 日本 \u202Eabc');
});

test('JSON Feed has the fields of version 1.1', () => {
  const parsed = JSON.parse(jsonFeed(feed)) as { version: string; items: Record<string, string>[] };
  assert.equal(parsed.version, 'https://jsonfeed.org/version/1.1');
  assert.deepEqual(Object.keys(parsed.items[0] ?? {}).sort(), [
    'content_text',
    'date_published',
    'id',
    'title',
    'url',
  ]);
  assert.equal(parsed.items[0]?.['id'], 'promotion:9007199254740993');
});
