import { startBackground, warmUp } from './background.ts';
import { brand, logo } from './brand.ts';
import { BrandError } from './brandFile.ts';
import { watchRequests } from './requests.ts';
import { InvalidSettings, settings } from './settings.ts';

/** Check the settings and the brand file, or say what is wrong with them and stop. */
export async function start(): Promise<void> {
  try {
    settings();
    brand();
    logo();
    watchRequests();
  } catch (error) {
    for (const problem of problemsOf(error)) process.stderr.write(`portal: ${problem}\n`);
    process.exit(1);
  }
  await warmUp();
  startBackground();
}

function problemsOf(error: unknown): readonly string[] {
  if (error instanceof InvalidSettings) return error.problems;
  if (error instanceof BrandError) return [error.message];
  throw error;
}
