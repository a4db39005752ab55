/** Refuses calls to a source that failed lately, so that visitors do not wait for it again. */
import { named } from './named.ts';

export class SourceAway extends named('SourceAway') {}

/** `unknown`: the breaker stays as it is. */
export type Judgement = 'up' | 'away' | 'unknown';

export type BreakerState = 'closed' | 'open' | 'half-open';

interface Options {
  /** Milliseconds from a failure to the next attempt. */
  pause?: number;
  now?: () => number;
  /** What an error says about the source. Default: `away`. */
  judge?: (error: unknown) => Judgement;
}

export class Breaker {
  readonly #pause: number;
  readonly #now: () => number;
  readonly #judge: (error: unknown) => Judgement;
  #openedAt: number | null = null;
  #probing = false;
  // Attempts that began before the last change say nothing about now.
  #generation = 0;

  constructor({ pause = 5_000, now = Date.now, judge = () => 'away' }: Options = {}) {
    this.#judge = judge;
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
    return this.force(work);
  }

  /** Call `work` even if the source failed lately. */
  async force<T>(work: () => Promise<T>): Promise<T> {
    this.#probing = this.state === 'half-open';
    const generation = this.#generation;
    try {
      const result = await work();
      this.#learn('up', generation);
      return result;
    } catch (error) {
      this.#learn(this.#judge(error), generation);
      throw error;
    }
  }

  #learn(judgement: Judgement, generation: number): void {
    if (generation !== this.#generation) return;
    if (judgement === 'unknown') this.#probing = false;
    else this.#turn(judgement === 'up' ? null : this.#now());
  }

  #turn(openedAt: number | null): void {
    if (this.#openedAt === openedAt) return;
    this.#openedAt = openedAt;
    this.#probing = false;
    this.#generation += 1;
  }
}
