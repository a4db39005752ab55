import { forgetPlayers } from '@/lib/forget';
import { problem } from '@/lib/problems';
import { isUserId } from '@/lib/read/cursors';
import { isSignedHook } from '@/lib/secrets';
import { settings } from '@/lib/settings';

const longestBody = 256 * 1024;

/** Receive GRPS's webhooks (Standard Webhooks). Doing it twice does no harm, so ids are not kept. */
export async function POST(request: Request): Promise<Response> {
  const { webhookSecret } = settings();
  const body = await limitedText(request);
  if (body === null) {
    return problem(request, { status: 413, title: 'Too large', detail: 'At most 256 KiB.' });
  }
  if (!webhookSecret || !isSignedHook(webhookSecret, request.headers, body)) {
    const detail = 'The signature is missing, wrong or too old. It needs PORTAL_WEBHOOK_SECRET.';
    return problem(request, { status: 401, title: 'Not signed', detail });
  }
  // Every other event only makes the answers of the last second old.
  const erased = erasedPlayer(body);
  await forgetPlayers(erased ? [erased] : []);
  return new Response(null, { status: 204 });
}

async function limitedText(request: Request): Promise<string | null> {
  if (Number(request.headers.get('content-length') ?? 0) > longestBody) return null;
  const text = await request.text();
  return text.length > longestBody ? null : text;
}

interface Event {
  type?: unknown;
  data?: { userId?: unknown };
}

/** The Roblox id of the player whose erasure an event announces. */
function erasedPlayer(body: string): string | null {
  try {
    const event = JSON.parse(body) as Event;
    const userId = String(event.data?.userId ?? '');
    return event.type === 'player.erased' && isUserId(userId) ? userId : null;
  } catch {
    return null;
  }
}
