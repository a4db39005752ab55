import { avatar, avatarAddress } from '@/lib/avatars';
import { problem } from '@/lib/problems';
import { isUserId } from '@/lib/read/cursors';

type Context = { params: Promise<{ userId: string }> };

export async function GET(request: Request, { params }: Context): Promise<Response> {
  const { userId } = await params;
  if (isUserId(userId) && avatarAddress(userId)) return avatar(userId, request);
  return problem(request, { status: 404, title: 'Not found', detail: 'There is no picture.' });
}
