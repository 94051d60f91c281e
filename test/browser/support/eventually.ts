import { setTimeout as sleep } from 'node:timers/promises';

/** On a busy machine a page takes many times longer than on an idle one. */
export const TIMEOUT_MS = 60_000;

/** Repeats the assertions until they hold, for what a page does on its own time; after a minute it fails as they do. */
export async function eventually(assert: () => Promise<void> | void, timeoutMs = TIMEOUT_MS): Promise<void> {
  const endsAtMs = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await assert();
    } catch (error) {
      if (Date.now() > endsAtMs) throw error;
    }
    await sleep(50);
  }
}
