import type { Timers } from '../../src/timers.ts';

export interface ManualTimers extends Timers {
  /** Lets `durationMs` pass and runs what has become due, in order. */
  advance(durationMs: number): void;
  /** How many delays are still running. */
  readonly pending: number;
  /** Every delay that was ever asked for. */
  readonly delaysMs: readonly number[];
}

/** Time that passes only when a test says so. */
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
