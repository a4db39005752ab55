import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Home } from './store.ts';

/** The most entries that are kept: the lists, and the players who were asked for last. */
const mostEntries = 2_000;

/** Keeps each entry in a file of a folder. A file is written beside its place, then renamed. */
export class FileHome implements Home {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async read(key: string): Promise<string | null> {
    try {
      return await readFile(/* turbopackIgnore: true */ this.#file(key), 'utf8');
    } catch (error) {
      return absent(error);
    }
  }

  async write(key: string, text: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const draft = join(this.#folder, `${randomUUID()}.draft`);
    await writeFile(draft, text, { mode: 0o600 });
    await rename(draft, this.#file(key));
  }

  async remove(key: string): Promise<void> {
    await rm(this.#file(key), { force: true });
  }

  async keys(): Promise<string[]> {
    const names = await this.#names();
    const keys: string[] = [];
    // One after the other: a process may have about a thousand files open.
    for (const name of names) {
      const key = keyOf((await this.#content(name)) ?? '');
      if (key !== null) keys.push(key);
    }
    return keys;
  }

  /** Delete what is more than 24 hours old, torn drafts, and the oldest entries above the limit. */
  async tidy(now: number = Date.now()): Promise<void> {
    const names = await readdir(/* turbopackIgnore: true */ this.#folder).catch(absent);
    const files = await Promise.all((names ?? []).map((name) => this.#age(name, now)));
    files.sort((one, other) => one.age - other.age);
    const dead = files.filter(({ name, age }, place) => {
      return place >= mostEntries || age > (name.endsWith('.draft') ? 60_000 : 86_400_000);
    });
    await Promise.all(
      dead.map(({ name }) =>
        rm(join(/* turbopackIgnore: true */ this.#folder, name), { force: true }),
      ),
    );
  }

  async #names(): Promise<string[]> {
    const names = await readdir(/* turbopackIgnore: true */ this.#folder).catch(absent);
    return (names ?? []).filter((name) => name.endsWith('.json'));
  }

  async #age(name: string, now: number) {
    const found = await stat(join(/* turbopackIgnore: true */ this.#folder, name)).catch(absent);
    return { name, age: found ? now - found.mtimeMs : 0 };
  }

  #content(name: string): Promise<string | null> {
    return readFile(join(/* turbopackIgnore: true */ this.#folder, name), 'utf8').catch(absent);
  }

  #file(key: string): string {
    return join(
      /* turbopackIgnore: true */ this.#folder,
      `${createHash('sha256').update(key).digest('hex')}.json`,
    );
  }
}

function absent(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}

function keyOf(text: string): string | null {
  // The whole is not read: a list holds a thousand players.
  const match = /^\{"version":\d+,"key":("(?:[^"\\]|\\.)*")/.exec(text);
  return match?.[1] ? (JSON.parse(match[1]) as string) : null;
}
