/** Writers of RSS 2.0 (https://www.rssboard.org/rss-specification) and JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/). */

export interface FeedEntry {
  /** Stable for ever; readers recognise an entry by it. */
  id: string;
  url: string;
  title: string;
  text: string;
  publishedAt: string;
}

export interface Feed {
  title: string;
  description: string;
  language: string;
  /** Address of the page that shows the same entries. */
  pageUrl: string;
  feedUrl: string;
  entries: FeedEntry[];
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
// Characters outside of XML 1.0 (https://www.w3.org/TR/xml/#charsets) and lone surrogates cannot be escaped.
const NOT_XML = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

export function escapeXml(text: string): string {
  return text.replace(NOT_XML, '').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

function element(name: string, text: string): string {
  return `<${name}>${escapeXml(text)}</${name}>`;
}

function rssItem(entry: FeedEntry): string {
  return [
    '<item>',
    element('title', entry.title),
    element('link', entry.url),
    `<guid isPermaLink="false">${escapeXml(entry.id)}</guid>`,
    element('pubDate', new Date(entry.publishedAt).toUTCString()),
    element('description', entry.text),
    '</item>',
  ].join('');
}

export function rss(feed: Feed): string {
  const newest = feed.entries[0]?.publishedAt;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>',
    element('title', feed.title),
    element('link', feed.pageUrl),
    element('description', feed.description),
    element('language', feed.language.toLowerCase()),
    `<atom:link href="${escapeXml(feed.feedUrl)}" rel="self" type="application/rss+xml"/>`,
    newest === undefined ? '' : element('lastBuildDate', new Date(newest).toUTCString()),
    ...feed.entries.map(rssItem),
    '</channel></rss>',
  ]
    .filter((part) => part !== '')
    .join('\n');
}

export function jsonFeed(feed: Feed): string {
  return JSON.stringify({
    version: 'https://jsonfeed.org/version/1.1',
    title: feed.title,
    description: feed.description,
    language: feed.language,
    home_page_url: feed.pageUrl,
    feed_url: feed.feedUrl,
    items: feed.entries.map((entry) => ({
      id: entry.id,
      url: entry.url,
      title: entry.title,
      content_text: entry.text,
      date_published: entry.publishedAt,
    })),
  });
}
