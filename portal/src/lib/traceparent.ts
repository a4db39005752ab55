import { createHash, randomBytes } from 'node:crypto';

/** The header of W3C Trace Context for a call, with the trace id that Django derives from the request id. */
export function traceparent(requestId: string): string {
  const span = randomBytes(8).toString('hex');
  return `00-${traceId(requestId)}-${span}-01`;
}

function traceId(requestId: string): string {
  if (/^(?!0{32})[0-9a-f]{32}$/.test(requestId)) return requestId;
  return createHash('sha256').update(requestId).digest('hex').slice(0, 32);
}
