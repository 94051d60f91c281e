import { validate as isUuid } from 'uuid';
import type { ChangeFeed, Command } from '../../changes/index.ts';
import { StationmasterError } from '../../errors.ts';
import type { PerformanceHistory, PerformanceSample } from '../../observability/performance-history.ts';
import { exchange } from './exchange.ts';

/** How long an instance may take to answer. */
const ANSWER_TIMEOUT_MS = 2000;
/** PostgreSQL delivers notifications of less than 8,000 bytes; the envelope takes some of them. */
const MAX_PART_LENGTH = 7000;

type HistoryQuestion = Command & { readonly command: 'history' };
/** A sample on its way: its time, then `FIGURES`. */
type Packed = readonly (number | null)[];

/** The figures of a sample in the order in which they travel, after the time. */
const FIGURES = [
  'hits',
  'misses',
  'evictions',
  'requests',
  'errors',
  'sqlStatements',
  'changes',
  'requestP50Ms',
  'requestP99Ms',
  'cacheSize',
  'cacheBytes',
  'memoryBytes',
  'activeConnections',
  'activeSubscriptions',
] as const satisfies readonly (keyof PerformanceSample)[];

/**
 * Asks another instance how it did.
 * @throws {StationmasterError} NOT_FOUND when no instance has this id, UNAVAILABLE while the feed is not live
 */
export async function askForHistory(
  feed: ChangeFeed,
  { of, from, minutes }: Pick<HistoryQuestion, 'of' | 'from' | 'minutes'>,
): Promise<PerformanceSample[]> {
  // Other texts may not even fit into a notification.
  if (!isUuid(of)) throw unknownInstance(of);
  if (feed.state !== 'live') {
    throw new StationmasterError('UNAVAILABLE', 'Other instances cannot be asked at the moment; try again.');
  }
  const parts = new Map<number, readonly Packed[]>();
  let isComplete = false;
  await exchange(feed, {
    timeoutMs: ANSWER_TIMEOUT_MS,
    async send(question) {
      await feed.send({ command: 'history', question, from, of, minutes });
      return true;
    },
    receive(command, question) {
      if (command.command !== 'historyPart' || command.question !== question) return false;
      parts.set(command.part, command.samples);
      isComplete = parts.size === command.parts;
      return isComplete;
    },
  });
  if (!isComplete) throw unknownInstance(of);
  const ordered = [...parts].toSorted(([a], [b]) => a - b);
  return ordered.flatMap(([, samples]) => samples.map(unpack));
}

function unknownInstance(id: string): StationmasterError {
  return new StationmasterError('NOT_FOUND', `No instance with the id ${id.slice(0, 100)} answers.`, {
    field: 'instanceId',
  });
}

/** Answers the question of another instance. */
export async function sendHistory(
  feed: ChangeFeed,
  history: Pick<PerformanceHistory, 'since'>,
  { question, of: from, minutes }: HistoryQuestion,
): Promise<void> {
  const parts = split(history.since(minutes).map(pack));
  for (const [part, samples] of parts.entries()) {
    await feed.send({ command: 'historyPart', question, from, part, parts: parts.length, samples });
  }
}

function pack(sample: PerformanceSample): Packed {
  return [sample.timestamp.getTime(), ...FIGURES.map((name) => sample[name])];
}

function unpack([timestamp, ...figures]: Packed): PerformanceSample {
  const named = Object.fromEntries(FIGURES.map((name, place) => [name, figures[place]]));
  return { timestamp: new Date(timestamp!), ...named } as unknown as PerformanceSample;
}

/** At least one part: no samples are an answer as well. */
function split(samples: readonly Packed[]): Packed[][] {
  const parts: Packed[][] = [[]];
  let length = 0;
  for (const sample of samples) {
    const added = JSON.stringify(sample).length + 1;
    if (length + added > MAX_PART_LENGTH) {
      parts.push([]);
      length = 0;
    }
    parts.at(-1)!.push(sample);
    length += added;
  }
  return parts;
}
