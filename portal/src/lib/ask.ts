import 'server-only';
import { headers } from 'next/headers';
import { cache } from 'react';
import { requestIdHeader } from './requestId.ts';
import { settings } from './settings.ts';

/** Who asks, and until when an answer is of use. */
export interface Ask {
  requestId: string;
  /** Milliseconds since 1970. */
  deadline: number;
}

/** All reading of one page shares one deadline, so that a page never waits longer than this. */
export function newAsk(requestId: string, milliseconds = settings().pageDeadline): Ask {
  return { requestId, deadline: Date.now() + milliseconds };
}

/** The question of the request that is being answered: the same for its page, layout and metadata. */
export const currentAsk = cache(async (): Promise<Ask> => {
  return newAsk((await headers()).get(requestIdHeader) ?? '');
});
