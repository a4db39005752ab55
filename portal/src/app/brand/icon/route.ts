import { brand, logo } from '@/lib/brand';

export const dynamic = 'force-dynamic';

/** The icon of the site: the logo, or the first letter of the name. */
export function GET(): Response {
  const found = logo();
  const type = found?.type ?? 'image/svg+xml';
  const headers = { 'Content-Type': type, 'Cache-Control': 'public, max-age=3600' };
  return new Response(found?.bytes ?? initial(), { headers });
}

function initial(): string {
  const { name, colours } = brand();
  const letter = /\p{L}|\p{N}/u.exec(name)?.[0].toUpperCase() ?? '';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
<rect width="64" height="64" rx="14" fill="${colours?.light ?? '#2450d8'}"/>
<text x="32" y="45" font-family="system-ui,sans-serif" font-size="38" font-weight="700" fill="#fff" text-anchor="middle">${letter}</text>
</svg>`;
}
