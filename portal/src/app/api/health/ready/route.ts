import { currentAsk } from '@/lib/ask';
import { health } from '@/lib/health';
import { retrySeconds } from '@/lib/requests';

/** The portal can answer: from the database, the API or its saved answers. */
export async function GET(): Promise<Response> {
  const found = await health(await currentAsk());
  const away = found.status === 'unavailable';
  return Response.json(found, {
    status: away ? 503 : 200,
    headers: { 'Cache-Control': 'no-store', ...(away && { 'Retry-After': String(retrySeconds) }) },
  });
}
