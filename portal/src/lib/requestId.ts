/** The id that follows a request through the portal, Django and Celery. */

export const requestIdHeader = 'x-request-id';
// The same rule as Django's.
const valid = /^[A-Za-z0-9._:-]{1,128}$/;

/** Keep the caller's id if it is sane, otherwise make one. */
export function requestIdFrom(headers: Headers): string {
  const given = headers.get(requestIdHeader) ?? '';
  return valid.test(given) ? given : crypto.randomUUID().replaceAll('-', '');
}
