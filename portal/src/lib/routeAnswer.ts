import { problem } from './problems.ts';
import { Unavailable } from './unavailable.ts';

const RETRY_SECONDS = 5;

/** Answer a route, or say that no source answers. */
export async function orUnavailable(
  request: Request,
  answer: () => Promise<Response>,
): Promise<Response> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return problem(request, {
      status: 503,
      title: 'Unavailable',
      detail: 'No source of data answers at the moment. Try again in a few seconds.',
      retryAfter: RETRY_SECONDS,
    });
  }
}
