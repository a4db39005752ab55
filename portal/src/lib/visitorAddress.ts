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
  const address = bare(seen ?? connection ?? '');
  return isIP(address) === 0 ? undefined : address;
}

/** Without quotes, brackets, port and zone (RFC 7239). Some load balancers write a port. */
function bare(entry: string): string {
  const text = entry.trim().replace(/^"(.*)"$/, '$1');
  const address = text
    .replace(/^\[([^\]]+)\](:\d{1,5})?$/, '$1')
    .replace(/^([\d.]+):\d{1,5}$/, '$1');
  return address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
}
