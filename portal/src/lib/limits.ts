/** Limits the requests of one network address per minute, in this process. */

const WINDOW_MS = 60_000;
const MOST_ADDRESSES = 20_000;

export class Limits {
  readonly #perMinute: number;
  readonly #now: () => number;
  #window = 0;
  #counts = new Map<string, number>();

  constructor(perMinute: number, now: () => number = Date.now) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /** Count a request. Returns the seconds to wait, or 0 if it is within the limit. */
  count(address: string): number {
    const now = this.#now();
    const window = Math.floor(now / WINDOW_MS);
    if (window !== this.#window || this.#counts.size >= MOST_ADDRESSES) this.#counts = new Map();
    this.#window = window;
    const network = networkOf(address);
    const counted = (this.#counts.get(network) ?? 0) + 1;
    this.#counts.set(network, counted);
    if (counted <= this.#perMinute) return 0;
    return Math.ceil(((window + 1) * WINDOW_MS - now) / 1000);
  }
}

/** An IPv6 visitor has a whole network of 64 bits. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [before = '', after] = address.split('::');
  const head = before === '' ? [] : before.split(':');
  const tail = after ? after.split(':') : [];
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  return (after === undefined ? head : [...head, ...zeros, ...tail]).slice(0, 4).join(':');
}
