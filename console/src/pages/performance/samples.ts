import type { PerformanceFiguresFragment } from '../../graphql/graphql.ts';

export type Sample = PerformanceFiguresFragment;

/** What an instance did in the last hour, the oldest sample first. */
export interface InstanceSamples {
  readonly id: string;
  readonly samples: readonly Sample[];
}

export const PERIOD_SECONDS = 5;
const KEPT_MS = 60 * 60_000;
/** The shortest time shown, so that the first samples are not a line as wide as the chart. */
const SHORTEST_SECONDS = 5 * 60;
/** A sample later than this after the one before leaves a hole, which the history may fill. */
const HOLE_MS = 12_000;

/** Puts samples together, each once and in order, and forgets what is older than an hour before the newest. */
export function mergeSamples(known: readonly Sample[], added: readonly Sample[]): readonly Sample[] {
  const newest = known.at(-1);
  if (newest && added.every(({ timestamp }) => timestamp <= newest.timestamp) && added.length <= 1) return known;
  const byTime = new Map([...known, ...added].map((sample) => [sample.timestamp, sample]));
  const sorted = [...byTime.values()].sort((a, b) => a.timestamp.localeCompare(b.timestamp));
  const sinceMs = Date.parse(sorted.at(-1)?.timestamp ?? '') - KEPT_MS;
  return sorted.filter(({ timestamp }) => Date.parse(timestamp) > sinceMs);
}

/** Whether samples were missed between those that are known and this one. */
export function leavesHole(known: readonly Sample[], latest: Sample): boolean {
  const before = known.at(-1);
  return before !== undefined && Date.parse(latest.timestamp) - Date.parse(before.timestamp) > HOLE_MS;
}

/**
 * What several instances do together. Every instance hears all changes, so those are not added up. Percentiles cannot be:
 * the slowest instance stands for all.
 */
export function together(samples: readonly Sample[]): Omit<Sample, 'timestamp' | '__typename'> {
  const sum = (read: (sample: Sample) => number) => samples.reduce((total, sample) => total + read(sample), 0);
  const highest = (read: (sample: Sample) => number | null | undefined) => {
    const told = samples.map(read).filter((value) => value != null);
    return told.length === 0 ? null : Math.max(...told);
  };
  return {
    hits: sum(({ hits }) => hits),
    misses: sum(({ misses }) => misses),
    evictions: sum(({ evictions }) => evictions),
    requests: sum(({ requests }) => requests),
    errors: sum(({ errors }) => errors),
    sqlStatements: sum(({ sqlStatements }) => sqlStatements),
    changes: highest(({ changes }) => changes) ?? 0,
    requestP50Ms: highest(({ requestP50Ms }) => requestP50Ms),
    requestP99Ms: highest(({ requestP99Ms }) => requestP99Ms),
    memoryBytes: sum(({ memoryBytes }) => memoryBytes),
    cacheSize: sum(({ cacheSize }) => cacheSize),
    cacheBytes: sum(({ cacheBytes }) => cacheBytes),
    activeConnections: sum(({ activeConnections }) => activeConnections),
    activeSubscriptions: sum(({ activeSubscriptions }) => activeSubscriptions),
  };
}

/** Times in seconds, and for each instance the sample that held at each time; `null` where there was none. */
export interface Timeline {
  readonly times: readonly number[];
  readonly rows: readonly (readonly (Sample | null)[])[];
}

/**
 * Brings the samples of all instances, who take them at moments of their own, to the same times: those of the last minutes,
 * or since the oldest sample.
 */
export function alignSamples(instances: readonly InstanceSamples[], minutes: number): Timeline {
  const newest = Math.max(0, ...instances.map(({ samples }) => secondsOf(samples.at(-1)) ?? 0));
  if (newest === 0) return { times: [], rows: instances.map(() => []) };
  const end = Math.ceil(newest / PERIOD_SECONDS) * PERIOD_SECONDS;
  const oldest = Math.min(...instances.map(({ samples }) => secondsOf(samples[0]) ?? newest));
  const shown = Math.min(minutes * 60, Math.max(end - oldest, SHORTEST_SECONDS));
  const count = Math.ceil(shown / PERIOD_SECONDS);
  const times = Array.from({ length: count }, (_, place) => end - (count - 1 - place) * PERIOD_SECONDS);
  return { times, rows: instances.map(({ samples }) => sampleAt(times, samples)) };
}

function sampleAt(times: readonly number[], samples: readonly Sample[]): (Sample | null)[] {
  let place = 0;
  return times.map((time) => {
    while (place + 1 < samples.length && secondsOf(samples[place + 1])! <= time) place++;
    const sample = samples[place];
    const age = sample === undefined ? Number.POSITIVE_INFINITY : time - secondsOf(sample)!;
    return sample !== undefined && age >= 0 && age < 2 * PERIOD_SECONDS ? sample : null;
  });
}

function secondsOf(sample: Sample | undefined): number | undefined {
  return sample && Date.parse(sample.timestamp) / 1000;
}
