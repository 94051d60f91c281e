import type { Timers } from '../../src/timers.ts';

export interface ManualTimers extends Timers {
  /** Advances time by `durationMs` and runs the due timers in order. */
  advance(durationMs: number): void;
  /** The number of running timers. */
  readonly pending: number;
  /** Every delay that was ever requested. */
  readonly delaysMs: readonly number[];
}

/** Timers whose time advances only when a test says so. */
export function createManualTimers(startMs = Date.UTC(2026, 0, 1)): ManualTimers {
  let nowMs = startMs;
  const waiting = new Set<{ dueMs: number; run: () => void }>();
  const delaysMs: number[] = [];
  return {
    delaysMs,
    now: () => nowMs,
    after(delayMs, run) {
      delaysMs.push(delayMs);
      const entry = { dueMs: nowMs + delayMs, run };
      waiting.add(entry);
      return () => waiting.delete(entry);
    },
    advance(durationMs) {
      nowMs += durationMs;
      const due = [...waiting].filter(({ dueMs }) => dueMs <= nowMs).sort((a, b) => a.dueMs - b.dueMs);
      for (const entry of due) {
        if (waiting.delete(entry)) entry.run();
      }
    },
    get pending() {
      return waiting.size;
    },
  };
}
