import type { Home } from './store.ts';

const mostEntries = 500;

/** Keeps entries while the process lives. */
export class MemoryHome implements Home {
  readonly #entries = new Map<string, string>();

  async read(key: string): Promise<string | null> {
    return this.#entries.get(key) ?? null;
  }

  async write(key: string, text: string): Promise<void> {
    this.#entries.delete(key);
    this.#entries.set(key, text);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > mostEntries && oldest !== undefined) this.#entries.delete(oldest);
  }

  async remove(key: string): Promise<void> {
    this.#entries.delete(key);
  }

  async keys(): Promise<string[]> {
    return [...this.#entries.keys()];
  }

  async tidy(): Promise<void> {
    // Reading drops what is too old, and writing keeps the limit.
  }
}
