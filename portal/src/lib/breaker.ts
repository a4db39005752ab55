/** Refuses calls to a source that failed lately, so that visitors do not wait for it again. */

export class SourceAway extends Error {}

export type BreakerState = 'closed' | 'open' | 'half-open';

interface Options {
  /** Milliseconds from a failure to the next attempt. */
  pause?: number;
  now?: () => number;
  /** Errors that show that the source itself is in order. */
  innocent?: (error: unknown) => boolean;
}

export class Breaker {
  readonly #pause: number;
  readonly #now: () => number;
  readonly #innocent: (error: unknown) => boolean;
  #openedAt: number | null = null;
  #probing = false;
  // Attempts that began before the last change say nothing about now.
  #generation = 0;

  constructor({ pause = 5_000, now = Date.now, innocent = () => false }: Options = {}) {
    this.#innocent = innocent;
    this.#pause = pause;
    this.#now = now;
  }

  get state(): BreakerState {
    if (this.#openedAt === null) return 'closed';
    return this.#now() - this.#openedAt >= this.#pause ? 'half-open' : 'open';
  }

  /** Call `work`, or throw `SourceAway` at once. After the pause one call is let through. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.state === 'open' || this.#probing) throw new SourceAway('The source failed lately.');
    this.#probing = this.state === 'half-open';
    const generation = this.#generation;
    try {
      const result = await work();
      if (generation === this.#generation) this.#turn(null);
      return result;
    } catch (error) {
      if (generation === this.#generation) this.#turn(this.#innocent(error) ? null : this.#now());
      throw error;
    }
  }

  #turn(openedAt: number | null): void {
    if (this.#openedAt === openedAt) return;
    this.#openedAt = openedAt;
    this.#probing = false;
    this.#generation += 1;
  }
}
