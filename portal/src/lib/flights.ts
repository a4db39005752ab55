/** Gives visitors who ask the same question at the same time one answer. */

interface Flight {
  answer: Promise<unknown>;
  /** When the answer came. `null` while it is awaited. */
  landedAt: number | null;
}

export class Flights {
  readonly #flights = new Map<string, Flight>();
  readonly #keep: number;
  readonly #now: () => number;

  /** An answer serves later visitors for `keep` milliseconds. */
  constructor(keep = 1_000, now: () => number = Date.now) {
    this.#keep = keep;
    this.#now = now;
  }

  share<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#flights.get(key);
    if (known && !this.#tooOld(known)) return known.answer as Promise<T>;
    this.#dropOld();
    const flight: Flight = { answer: ask(), landedAt: null };
    this.#flights.set(key, flight);
    const land = () => {
      flight.landedAt = this.#now();
    };
    flight.answer.then(land, land);
    return flight.answer as Promise<T>;
  }

  clear(): void {
    this.#flights.clear();
  }

  #tooOld(flight: Flight): boolean {
    return flight.landedAt !== null && this.#now() - flight.landedAt >= this.#keep;
  }

  #dropOld(): void {
    if (this.#flights.size < 500) return;
    for (const [key, flight] of this.#flights) {
      if (this.#tooOld(flight)) this.#flights.delete(key);
    }
  }
}
