/** Errors of our own addresses as problem documents (RFC 9457), like those of the API. */
import { requestIdHeader } from './requestId.ts';

interface Details {
  status: number;
  title: string;
  detail: string;
  /** Seconds to wait before the next attempt. */
  retryAfter?: number;
}

export function problem(
  request: Pick<Request, 'headers'>,
  { retryAfter, ...details }: Details,
): Response {
  const requestId = request.headers.get(requestIdHeader) ?? '';
  return Response.json(
    { type: 'about:blank', ...details, requestId },
    {
      status: details.status,
      headers: {
        'Content-Type': 'application/problem+json',
        'Cache-Control': 'no-store',
        ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
      },
    },
  );
}
