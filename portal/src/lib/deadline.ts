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
    timer = setTimeout(() => reject(passed), Math.max(0, deadline - Date.now()));
  });
  try {
    // Not every source heeds the signal: PostgreSQL's driver does not.
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
    controller.abort(passed);
  }
}
