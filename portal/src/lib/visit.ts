import 'server-only';
import { headers } from 'next/headers';
import { requestIdHeader } from './requestId.ts';
import { connectionAddress } from './requests.ts';
import { settings } from './settings.ts';
import { visitorAddress } from './visitorAddress.ts';

/** Who asks: the request's id, and the visitor's network address if it is known. */
export interface Visit {
  requestId: string;
  visitor: string | undefined;
}

export async function currentVisit(): Promise<Visit> {
  const given = await headers();
  return {
    requestId: given.get(requestIdHeader) ?? '',
    visitor: visitorAddress(given, settings().trustedProxies, connectionAddress()),
  };
}
