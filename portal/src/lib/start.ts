import { InvalidSettings, settings } from './settings.ts';

/** Check the settings, or say what is wrong with them and stop. */
export function start(): void {
  try {
    settings();
  } catch (error) {
    if (!(error instanceof InvalidSettings)) throw error;
    for (const problem of error.problems) process.stderr.write(`portal: ${problem}\n`);
    process.exit(1);
  }
}
