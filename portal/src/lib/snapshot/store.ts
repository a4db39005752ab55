/** The last good answers, for when no source answers. */
import { log } from '../log.ts';
import type { Answer } from '../shapes.ts';
import { decode, encode, namesPlayer, playersIn, without } from './entries.ts';

export const dayMilliseconds = 86_400_000;

/** Where entries are kept, each as text under the name of its question. */
export interface Home {
  read(key: string): Promise<string | null>;
  write(key: string, text: string): Promise<void>;
  remove(key: string): Promise<void>;
  keys(): Promise<string[]>;
  /** Delete what is too old, and the oldest above the limit of the home. */
  tidy(): Promise<void>;
}

interface Options {
  /** Milliseconds between two writes of one question. */
  pause?: number;
  now?: () => number;
}

type Kept<T> = Pick<Answer<T>, 'value' | 'asOf'>;

export class Snapshot {
  readonly #home: Home;
  readonly #pause: number;
  readonly #now: () => number;
  readonly #writtenAt = new Map<string, number>();

  constructor(home: Home, { pause = 30_000, now = Date.now }: Options = {}) {
    this.#home = home;
    this.#pause = pause;
    this.#now = now;
  }

  /** Keep an answer, unless this question was kept a moment ago. Never throws. */
  keep(key: string, answer: Kept<unknown>): void {
    const missing = answer.value === null;
    if (!missing && this.#now() - (this.#writtenAt.get(key) ?? 0) < this.#pause) return;
    if (missing) this.#writtenAt.delete(key);
    else this.#note(key);
    // What a source no longer lists must not come back from here.
    const done = missing ? this.#home.remove(key) : this.replace(key, answer);
    done.catch((error: unknown) => log('error', 'snapshot not written', { error: String(error) }));
  }

  /** Keep an answer now. */
  async replace(key: string, { value, asOf }: Kept<unknown>): Promise<void> {
    await this.#home.write(key, encode({ key, asOf, value }));
  }

  /** The last good answer, if it is at most 24 hours old. */
  async find<T>(key: string): Promise<Kept<T> | null> {
    const entry = await this.#read(key);
    return entry && { value: entry.value as T, asOf: entry.asOf };
  }

  /** Age of an answer in seconds, or null if there is none. */
  async age(key: string): Promise<number | null> {
    const entry = await this.#read(key);
    return entry && Math.max(0, Math.round((this.#now() - Date.parse(entry.asOf)) / 1000));
  }

  /** The ids of all players in kept answers. */
  async players(): Promise<string[]> {
    const ids = new Set<string>();
    for (const key of await this.#home.keys()) {
      for (const id of playersIn((await this.#read(key))?.value)) ids.add(id);
    }
    return [...ids];
  }

  /** Take players out of all kept answers. */
  async forget(userIds: ReadonlySet<string>): Promise<void> {
    if (userIds.size === 0) return;
    for (const key of await this.#home.keys()) {
      const entry = await this.#read(key);
      if (namesPlayer(key, userIds)) await this.#home.remove(key);
      else if (entry && [...playersIn(entry.value)].some((id) => userIds.has(id))) {
        await this.replace(key, { ...entry, value: without(entry.value, userIds) });
      }
    }
  }

  async tidy(): Promise<void> {
    await this.#home.tidy();
  }

  async #read(key: string) {
    const text = await this.#home.read(key);
    const entry = text === null ? null : decode(text);
    if (!entry || entry.key !== key) return null;
    if (this.#now() - Date.parse(entry.asOf) <= dayMilliseconds) return entry;
    await this.#home.remove(key);
    return null;
  }

  #note(key: string): void {
    this.#writtenAt.delete(key);
    this.#writtenAt.set(key, this.#now());
    const [oldest] = this.#writtenAt.keys();
    if (this.#writtenAt.size > 10_000 && oldest) this.#writtenAt.delete(oldest);
  }
}
