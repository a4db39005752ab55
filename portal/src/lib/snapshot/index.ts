import { join } from 'node:path';
import { settings } from '../settings.ts';
import { single } from '../single.ts';
import { FileHome } from './fileHome.ts';
import { MemoryHome } from './memoryHome.ts';
import { type Home, Snapshot } from './store.ts';
import { VercelHome } from './vercelHome.ts';

/** The snapshot of this process. */
export function snapshot(): Snapshot {
  return single('snapshot', () => new Snapshot(home()));
}

function home(): Home {
  const { stateFolder } = settings();
  if (stateFolder) return new FileHome(join(/* turbopackIgnore: true */ stateFolder, 'snapshot'));
  return process.env['VERCEL'] ? new VercelHome() : new MemoryHome();
}
