import type { RunOptions } from './arguments.ts';
import type { History, Write } from './history.ts';
import type { Percentiles, Verdict } from './judge.ts';

const VIOLATIONS_SHOWN = 10;

export function printProgress(atMs: number, history: History): void {
  const fault = history.faults.findLast(({ toMs }) => toMs === Number.POSITIVE_INFINITY);
  console.log(
    `${(atMs / 1000).toFixed(0).padStart(5)} s  ${countReads(history)} reads, ${countWrites(history)} writes, ` +
      `${history.faults.length} faults${fault ? `, now: ${fault.kind}` : ''}`,
  );
}

export function printVerdict(history: History, { violations, delta, live }: Verdict, options: RunOptions): void {
  const { seed, instances, seconds } = options;
  const eras = [...history.earlier, history];
  const reads = eras.flatMap((era) => era.reads);
  const stale = reads.filter(({ isStale }) => isStale).length;
  const lists = reads.filter(({ parts }) => parts.some(({ kind }) => kind === 'list')).length;
  const subscriptions = eras.flatMap((era) => era.subscriptions);
  const events = subscriptions.reduce((sum, { events }) => sum + events.length, 0);
  const liveQueries = eras.flatMap((era) => era.liveQueries);
  console.log(`
seed ${seed}, ${instances} instances, ${seconds} s
reads    ${reads.length}, ${Math.round(reads.length / seconds)} a second (${lists} of lists, ${stale} marked stale), and ${history.failedReads} without an answer
         ${history.unjudgedReads} more during restores, which were not judged
writes   ${countWrites(history)} (${describeOutcomes(history)})
Redis    ${describeRedis(history)}
audit    ${describeAudits(history)}
events   ${events} on ${subscriptions.length} subscriptions, which resumed ${subscriptions.reduce((sum, { resumptions = [] }) => sum + resumptions.length, 0)} times
live     ${liveQueries.reduce((sum, { answers }) => sum + answers.length, 0)} answers to ${liveQueries.length} live queries
faults   ${describeFaults(history)}
Δ        ${describeDelta(delta.withoutFaults)} without faults
         ${describeDelta(delta.underFaults)} under faults
         ${describeDelta(live, 'changes')} to live queries

violations ${violations.length}`);
  const shown = violations.slice(0, VIOLATIONS_SHOWN);
  for (const { rule, text, count } of shown) {
    console.log(`\n  ${rule}${count > 1 ? ` (${count} times)` : ''}\n      ${text}`);
  }
  if (violations.length > shown.length) {
    console.log(
      `\n  and ${violations.length - shown.length} more: ${describeCounts(violations.map(({ rule }) => rule))}`,
    );
  }
}

function countReads({ earlier, reads }: History): number {
  return [...earlier, { reads }].reduce((sum, era) => sum + era.reads.length, 0);
}

/** Each write once: those before a restore are in the histories before it and, as far as it kept them, after it. */
function writesOf({ earlier, rows }: History): ReadonlySet<Write> {
  return new Set([...earlier, { rows }].flatMap((era) => era.rows.flatMap(({ writes }) => writes)));
}

function countWrites(history: History): number {
  return writesOf(history).size;
}

function describeOutcomes(history: History): string {
  return describeCounts([...writesOf(history)].map(({ outcome }) => outcome));
}

function describeFaults({ faults }: History): string {
  return faults.length === 0 ? 'none' : `${faults.length}: ${describeCounts(faults.map(({ kind }) => kind))}`;
}

function describeAudits({ audits }: History): string {
  const sumOf = (figure: 'audited' | 'stale') => audits.reduce((sum, audit) => sum + audit[figure], 0);
  return `${sumOf('audited')} cached values compared by the servers themselves, ${sumOf('stale')} of them stale`;
}

function describeRedis({ redisReads }: History): string {
  if (!redisReads) return 'none';
  return `${redisReads.hits} records found and ${redisReads.misses} not, since each instance was started last`;
}

function describeCounts(names: readonly string[]): string {
  const counts = [...Map.groupBy(names, (name) => name)].map(([name, all]) => `${all.length} ${name}`);
  return counts.join(', ');
}

function describeDelta(percentiles: Percentiles | null, what = 'writes'): string {
  if (!percentiles) return 'not measured';
  const { count, p50Ms, p99Ms, maxMs } = percentiles;
  return `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, max ${maxMs.toFixed(2)} ms of ${count} ${what}`;
}
