import { named } from './named.ts';

export class DeadlinePassed extends named('DeadlinePassed') {
  /** Whether this process was too busy to look in time: that says nothing about the source. */
  readonly weWereLate: boolean;

  constructor(weWereLate: boolean) {
    super('The source took too long.');
    this.weWereLate = weWereLate;
  }
}

const lateMilliseconds = 100;

/** Call `work` with a signal that aborts at `deadline`, and throw `DeadlinePassed` then. */
export async function until<T>(
  deadline: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new DeadlinePassed(Date.now() - deadline > lateMilliseconds));
    // In a busy process the answer may have come already: it is read before `setImmediate` calls.
    timer = setTimeout(() => setImmediate(giveUp), Math.max(0, deadline - Date.now()));
  });
  try {
    // Not every source heeds the signal: PostgreSQL's driver does not.
    return await Promise.race([work(controller.signal), passed]);
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}
