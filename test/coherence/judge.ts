import type { History } from './history.ts';
import { judgeFinalReads, judgeFinalRows } from './judge-final.ts';
import { judgeLiveQueries } from './judge-live.ts';
import { judgeReads } from './judge-reads.ts';
import { judgeSubscriptions } from './judge-subscriptions.ts';
import { type Bounds, bindUnansweredCreations, indexRows, isDuring } from './rows.ts';
import { createViolations, type Violation, type Violations } from './violations.ts';

export type { Bounds } from './rows.ts';
export type { Rule, Violation } from './violations.ts';

export interface Verdict {
  readonly violations: readonly Violation[];
  /** Time from the answer of a write to the start of the first read on another instance that showed it. */
  readonly delta: { readonly withoutFaults: Percentiles | null; readonly underFaults: Percentiles | null };
  /** Time from a change to the answer of a live query that showed it, faults included. */
  readonly live: Percentiles | null;
}

export interface Percentiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Compares the servers' answers with their promises. Adds ids that the history lacks; changes nothing else. */
export function judge(history: History, bounds: Bounds): Verdict {
  const violations = createViolations();
  for (const { atMs, text } of history.anomalies) violations.add('anomaly', atMs, text, () => text);
  for (const { instance, stale } of history.audits) {
    const text = `The audit of instance ${instance} found ${stale} stale values in its cache.`;
    if (stale > 0) violations.add('stale-by-audit', Number.MAX_SAFE_INTEGER, text, () => text);
  }
  const agesMs = [...history.earlier, history].flatMap((era) => judgeEra(era, bounds, violations));
  return { violations: violations.found, delta: measureDelta(history), live: percentiles(agesMs) };
}

/** @returns as `judgeLiveQueries` */
function judgeEra(history: History, bounds: Bounds, violations: Violations): number[] {
  const rows = indexRows(history);
  bindUnansweredCreations(history, rows);
  const given = { history, rows, bounds, violations };
  judgeReads(given);
  const agesMs = judgeLiveQueries(given);
  judgeSubscriptions(given);
  if (history.finalRows) {
    judgeFinalRows(history.finalRows, rows, violations);
    judgeFinalReads(history.finalRows, history, violations);
  }
  return agesMs;
}

function measureDelta({ propagations, faults }: History): Verdict['delta'] {
  const isFaulty = ({ instance, answeredAtMs, seenAtMs }: (typeof propagations)[number]) =>
    faults.some((fault) => isDuring(fault, { instance, startedAtMs: answeredAtMs, endedAtMs: seenAtMs }));
  const delayMs = ({ answeredAtMs, seenAtMs }: (typeof propagations)[number]) => seenAtMs - answeredAtMs;
  const [withoutFaults, underFaults] = [false, true].map((wanted) =>
    percentiles(propagations.filter((seen) => isFaulty(seen) === wanted).map(delayMs)),
  );
  return { withoutFaults: withoutFaults!, underFaults: underFaults! };
}

function percentiles(values: readonly number[]): Percentiles | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1)! };
}
