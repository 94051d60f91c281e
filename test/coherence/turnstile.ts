/** Lets work pass, or keeps it waiting. */
export interface Turnstile {
  /** Runs the work as soon as the turnstile is open. */
  pass(work: () => Promise<void>): Promise<void>;
  /** Resolves when the last of the work has ended that had passed; until `open`, no more passes. */
  close(): Promise<void>;
  open(): void;
}

export function createTurnstile(): Turnstile {
  const inside = new Set<Promise<void>>();
  let closed: PromiseWithResolvers<void> | null = null;
  return {
    async pass(work) {
      while (closed) await closed.promise;
      const working = work();
      inside.add(working);
      try {
        await working;
      } finally {
        inside.delete(working);
      }
    },
    async close() {
      closed ??= Promise.withResolvers();
      await Promise.allSettled(inside);
    },
    open() {
      closed?.resolve();
      closed = null;
    },
  };
}
