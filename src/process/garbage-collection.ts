import { setFlagsFromString } from 'node:v8';

/**
 * Lets every object begin in the young generation. V8 otherwise allocates what has often survived directly in the old one
 * (allocation-site pretenuring), and what an answer is made of survives wherever much is read at once: the old generation
 * then fills with objects that are garbage a moment later, and keeps what they refer to alive (docs/decisions/23-garbage.md).
 *
 * Call it before anything is optimized.
 */
export function disablePretenuring(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
