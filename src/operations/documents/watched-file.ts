import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Timers } from '../../timers.ts';

const LOOK_EVERY_MS = 1000;

/**
 * Calls `onChange` when the file at `path` has changed and then stayed the same for a second, so that a file that is being
 * written is not read. Looks at the file itself: notifications miss volumes of containers, where a link is replaced.
 *
 * @returns what starts watching, from the state at the time of this call; that returns what stops it
 */
export function watchFile(path: string, timers: Timers, onChange: () => Promise<void>): () => () => void {
  let handled = stateNow(path);
  let last = handled;
  const look = async () => {
    const state = await stat(path, { bigint: true }).then(stateOf, () => MISSING);
    if (state !== handled && state === last) {
      handled = state;
      await onChange();
    }
    last = state;
  };
  return () => {
    let isStopped = false;
    let cancel = () => {};
    const wait = () => {
      if (!isStopped) cancel = timers.after(LOOK_EVERY_MS, () => void look().finally(wait));
    };
    wait();
    return () => {
      isStopped = true;
      cancel();
    };
  };
}

const MISSING = 'missing';

function stateNow(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats ? stateOf(stats) : MISSING;
}

function stateOf({ ctimeNs, ino, mtimeNs, size }: BigIntStats): string {
  return [ctimeNs, ino, mtimeNs, size].join(' ');
}
