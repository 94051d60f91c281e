/** How many traces a process begins in a second where no sampler is set: they cost it about a hundredth of a processor. */
const TRACES_PER_SECOND = 100;

/** Returns whether another trace may begin now: a quiet server traces everything, a busy one a bounded part of it. */
export function limitBeginnings(nowMs: () => number, perSecond = TRACES_PER_SECOND): () => boolean {
  let second = Number.NEGATIVE_INFINITY;
  let begun = 0;
  return () => {
    const current = Math.floor(nowMs() / 1000);
    if (current !== second) {
      second = current;
      begun = 0;
    }
    begun += 1;
    return begun <= perSecond;
  };
}
