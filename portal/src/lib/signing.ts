/** Signs calls to the back end, by the rule of docs/api.md. */
import { createHash, createHmac, randomBytes } from 'node:crypto';

export interface SignedParts {
  method: string;
  /** The path with its query, as sent. */
  target: string;
  body: string;
  /** Address of the visitor for whom the portal writes. */
  visitor?: string | undefined;
}

/** The headers of a signed call. Each attempt needs new ones, since a nonce is good once. */
export function sign(
  secret: string,
  parts: SignedParts,
  timestamp: string = Math.floor(Date.now() / 1000).toString(),
  nonce: string = randomBytes(16).toString('hex'),
): Record<string, string> {
  const digest = createHash('sha256').update(parts.body).digest('hex');
  const signed = [timestamp, nonce, parts.method, parts.target, digest];
  if (parts.visitor) signed.push(parts.visitor);
  const signature = createHmac('sha256', secret).update(signed.join('.')).digest('hex');
  return {
    'x-grps-timestamp': timestamp,
    'x-grps-nonce': nonce,
    'x-grps-signature': `v1=${signature}`,
    ...(parts.visitor && { 'x-grps-visitor': parts.visitor }),
  };
}
