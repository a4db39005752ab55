import { problem } from '@/lib/problems';

function unknown(request: Request): Response {
  const detail = 'The portal has no such address. The API is at the back end.';
  return problem(request, { status: 404, title: 'Not found', detail });
}

export { unknown as DELETE, unknown as GET, unknown as PATCH, unknown as POST, unknown as PUT };
