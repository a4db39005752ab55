import 'server-only';
import { headers } from 'next/headers';
import { cache } from 'react';
import { requestIdHeader } from './requestId.ts';

/** All reading of one page shares one deadline, so that a page never waits longer than this. */
const pageMilliseconds = 1_000;

/** Who asks, and until when an answer is of use. */
export interface Ask {
  requestId: string;
  /** Milliseconds since 1970. */
  deadline: number;
}

export function newAsk(requestId: string, milliseconds = pageMilliseconds): Ask {
  return { requestId, deadline: Date.now() + milliseconds };
}

/** The question of the request that is being answered: the same for its page, layout and metadata. */
export const currentAsk = cache(async (): Promise<Ask> => {
  return newAsk((await headers()).get(requestIdHeader) ?? '');
});
