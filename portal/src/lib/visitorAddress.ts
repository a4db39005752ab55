import { isIP } from 'node:net';

/**
 * The visitor's network address as the outermost of our `proxies` proxies saw it. Each proxy appends
 * the address that it saw to `x-forwarded-for`; what stands before was written by the visitor.
 */
export function visitorAddress(
  headers: Headers,
  proxies: number,
  connection: string | undefined,
): string | undefined {
  const seen = proxies > 0 ? headers.get('x-forwarded-for')?.split(',').at(-proxies) : undefined;
  const address = (seen ?? connection ?? '').trim().replace(/^::ffff:(?=\d+\.)/i, '');
  return isIP(address) === 0 ? undefined : address;
}
