export class DeadlinePassed extends Error {}

/** Call `work` with a signal that aborts at `deadline`, and throw `DeadlinePassed` then. */
export async function until<T>(
  deadline: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const passed = new DeadlinePassed('The source took too long.');
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // In a busy process the answer may have come already: it is read before `setImmediate` calls.
    const giveUp = () => setImmediate(() => reject(passed));
    timer = setTimeout(giveUp, Math.max(0, deadline - Date.now()));
  });
  try {
    // Not every source heeds the signal: PostgreSQL's driver does not.
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
    controller.abort(passed);
  }
}
