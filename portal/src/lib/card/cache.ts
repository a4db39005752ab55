/** Values by key, the oldest dropped first. Two callers of one missing key wait for the same value. */
export class Cache<T> {
  readonly #entries = new Map<string, { value: Promise<T>; until: number }>();
  readonly #size: number;
  readonly #milliseconds: number;

  constructor(size: number, milliseconds: number) {
    this.#size = size;
    this.#milliseconds = milliseconds;
  }

  get(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.#entries.get(key);
    if (known && Date.now() < known.until) return known.value;
    const value = make();
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: Date.now() + this.#milliseconds });
    value.catch(() => this.#entries.delete(key));
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#size && oldest !== undefined) this.#entries.delete(oldest);
    return value;
  }
}
