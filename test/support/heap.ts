import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Whether garbage collection frees an object that nothing refers to but `ref`. */
export async function isFreed(ref: WeakRef<object>): Promise<boolean> {
  for (let turn = 0; turn < 4; turn++) {
    await setImmediate();
    collectGarbage();
  }
  return ref.deref() === undefined;
}

/** The bytes of objects and buffers that are left after garbage collection. */
export async function bytesInUse(): Promise<number> {
  // The next collection frees what one finalizes.
  for (let turn = 0; turn < 4; turn++) {
    collectGarbage();
    await setImmediate();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
