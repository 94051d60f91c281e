import { setTimeout as sleep } from 'node:timers/promises';

const TIMEOUT_MS = 15_000;

/** Repeats the assertions until they hold, for what a page does on its own time; after 15 s it fails as they do. */
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
