import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { InvalidSettings, readSettings } from '../../src/lib/settings.ts';

const least = {
  NODE_ENV: 'production',
  PORTAL_URL: 'https://portal.example.org',
  NEXT_PUBLIC_AUTOMATION_BASE_URL: 'https://grps.example.org',
};

function problems(environment: Record<string, string>): readonly string[] {
  try {
    readSettings(environment);
    return [];
  } catch (error) {
    assert.ok(error instanceof InvalidSettings);
    return error.problems;
  }
}

test('needs two addresses', () => {
  const settings = readSettings(least);
  assert.equal(settings.portalUrl, 'https://portal.example.org');
  assert.equal(settings.databaseUrl, null);
  assert.equal(settings.databasePool, 5);
});

test('names each missing variable in one line', () => {
  const lines = problems({ NODE_ENV: 'production' });
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /^PORTAL_URL is not set\. It must be an address such as /);
  assert.match(lines[1] ?? '', /^NEXT_PUBLIC_AUTOMATION_BASE_URL is not set\. /);
});

test('names each wrong variable in one line, without its value', () => {
  const wrong = {
    PORTAL_URL: 'portal.example.org',
    NEXT_PUBLIC_AUTOMATION_BASE_URL: 'ftp://grps',
    DATABASE_URL: 'mysql://hidden',
    DATABASE_POOL: '0',
    PORTAL_REFRESH_SECRET: 'hidden',
    AUTOMATION_SIGNATURE_SECRET: 'hidden hidden hidden hidden',
    PORTAL_WEBHOOK_SECRET: 'hidden',
    TURNSTILE_SITE_KEY: 'hidden',
    DISCORD_SERVER_ID: 'hidden',
  };
  const lines = problems({ NODE_ENV: 'production', ...wrong });
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    Object.keys(wrong),
  );
  for (const line of lines) {
    assert.match(line, / is wrong\. It must be .+\.$/);
    assert.doesNotMatch(line, /hidden/);
  }
});

test('an empty variable is as good as none', () => {
  assert.equal(readSettings({ ...least, DATABASE_URL: ' ' }).databaseUrl, null);
});

test('development knows its own address', () => {
  const { portalUrl } = readSettings({ NEXT_PUBLIC_AUTOMATION_BASE_URL: 'http://127.0.0.1:8000' });
  assert.equal(portalUrl, 'http://localhost:3000');
});

test('reads a secret from a file', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'portal-')), 'secret');
  writeFileSync(file, 'a-secret-of-24-chars\n');
  const settings = readSettings({ ...least, AUTOMATION_SIGNATURE_SECRET_FILE: file });
  assert.equal(settings.signatureSecret, 'a-secret-of-24-chars');
});

test('says why a file of a variable cannot be used', () => {
  const both = { PORTAL_URL_FILE: '/nowhere', AUTOMATION_SIGNATURE_SECRET_FILE: '/nowhere' };
  assert.deepEqual(problems({ ...least, ...both }), [
    'PORTAL_URL and PORTAL_URL_FILE are both set. Remove one of them.',
    'AUTOMATION_SIGNATURE_SECRET_FILE names /nowhere, which cannot be read (ENOENT).',
  ]);
});
