import { join } from 'node:path';
import { settings } from '../settings.ts';
import { single } from '../single.ts';
import { FileHome } from './fileHome.ts';
import { MemoryHome } from './memoryHome.ts';
import { Snapshot } from './store.ts';

/** The snapshot of this process. */
export function snapshot(): Snapshot {
  return single('snapshot', () => new Snapshot(home()));
}

function home() {
  const { stateFolder } = settings();
  return stateFolder
    ? new FileHome(join(/* turbopackIgnore: true */ stateFolder, 'snapshot'))
    : new MemoryHome();
}
