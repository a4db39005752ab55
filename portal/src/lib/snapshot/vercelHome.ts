import type { Home } from './store.ts';

/** What `@vercel/functions` calls the runtime cache: one for all functions of a region. */
export interface RuntimeCache {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown, options: { ttl: number }): Promise<void>;
  delete(key: string): Promise<void>;
}

// Less than a day: two functions that write at once may lose a key of the index, and an entry
// outside of the index cannot be swept.
const secondsKept = 3_600;
const index = 'grps-portal-keys';

/** The cache of the request that runs, or null outside of Vercel. */
export function runtimeCache(): RuntimeCache | null {
  const store = globalThis as unknown as Record<symbol, Context | undefined>;
  return store[Symbol.for('@vercel/request-context')]?.get?.()?.cache ?? null;
}

interface Context {
  get?(): { cache?: RuntimeCache } | undefined;
}

/** Keeps entries in Vercel's runtime cache. Outside of a request there is none. */
export class VercelHome implements Home {
  readonly #cache: () => RuntimeCache | null;

  constructor(cache: () => RuntimeCache | null = runtimeCache) {
    this.#cache = cache;
  }

  async read(key: string): Promise<string | null> {
    const text = await this.#cache()?.get(key);
    return typeof text === 'string' ? text : null;
  }

  async write(key: string, text: string): Promise<void> {
    await this.#cache()?.set(key, text, { ttl: secondsKept });
    const known = await this.keys();
    if (!known.includes(key)) await this.#setKeys([...known, key]);
  }

  async remove(key: string): Promise<void> {
    await this.#cache()?.delete(key);
    await this.#setKeys((await this.keys()).filter((known) => known !== key));
  }

  async keys(): Promise<string[]> {
    const text = await this.read(index);
    return text === null ? [] : (JSON.parse(text) as string[]);
  }

  async tidy(): Promise<void> {
    // The cache drops what is too old.
  }

  async #setKeys(keys: string[]): Promise<void> {
    await this.#cache()?.set(index, JSON.stringify(keys), { ttl: secondsKept });
  }
}
