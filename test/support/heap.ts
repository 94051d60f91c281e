import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** What is in use once all that can be let go of is gone: objects, and buffers beside them. */
export async function bytesInUse(): Promise<number> {
  // What one collection finalizes, the next one frees.
  for (let turn = 0; turn < 4; turn++) {
    collectGarbage();
    await setImmediate();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
