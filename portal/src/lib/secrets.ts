import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Compare two secrets in a time that tells nothing about them. */
export function sameSecret(given: string, wanted: string): boolean {
  const [one, other] = [given, wanted].map((text) => createHash('sha256').update(text).digest());
  return one !== undefined && other !== undefined && timingSafeEqual(one, other);
}

const tolerance = 300; // seconds, as https://www.standardwebhooks.com advises

/** Whether a Standard Webhooks call is signed with `secret` and at most five minutes old. */
export function isSignedHook(
  secret: string,
  headers: Headers,
  body: string,
  now: number = Date.now(),
): boolean {
  const id = headers.get('webhook-id') ?? '';
  const timestamp = headers.get('webhook-timestamp') ?? '';
  if (!/^\d{1,12}$/.test(timestamp) || id === '') return false;
  if (Math.abs(now / 1000 - Number(timestamp)) > tolerance) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const digest = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  // After a rotation there are two signatures.
  const signatures = (headers.get('webhook-signature') ?? '').split(' ');
  return signatures.some((signature) => sameSecret(signature, `v1,${digest}`));
}
