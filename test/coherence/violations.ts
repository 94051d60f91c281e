import type { Fault, History, Read, Subscription, Write } from './history.ts';
import type { Row } from './rows.ts';

export type Rule =
  | 'never-written'
  | 'stale-read'
  | 'went-backwards'
  | 'deleted-came-back'
  | 'missing-row'
  | 'foreign-row'
  | 'wrong-order'
  | 'wrong-count'
  | 'wrong-summary'
  | 'wrong-live-answer'
  | 'missing-live-answer'
  | 'missing-event'
  | 'events-out-of-order'
  | 'needless-refetch'
  | 'differs-after-quiet'
  | 'lost-write'
  | 'stale-by-audit'
  | 'anomaly';

export interface Violation {
  readonly rule: Rule;
  readonly atMs: number;
  /** The explanation with the events that prove it, over several lines. */
  readonly text: string;
  /** The number of answers with the same violation. */
  count: number;
}

/** Collects violations; repeated ones count once. */
export interface Violations {
  readonly found: readonly Violation[];
  add(rule: Rule, atMs: number, sameness: string, explain: () => string): void;
}

export function createViolations(): Violations {
  const bySameness = new Map<string, Violation>();
  return {
    get found() {
      return [...bySameness.values()].sort((a, b) => a.atMs - b.atMs);
    },
    add(rule, atMs, sameness, explain) {
      const known = bySameness.get(`${rule} ${sameness}`);
      if (known) known.count++;
      else bySameness.set(`${rule} ${sameness}`, { rule, atMs, text: explain(), count: 1 });
    },
  };
}

/** Joins the lines of one explanation. */
export function lines(...texts: string[]): string {
  return texts.join('\n      ');
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(4)} s`;
}

export function describeRead(read: Read, history: History): string {
  const times = `started ${seconds(read.startedAtMs)}, answered ${seconds(read.endedAtMs)}`;
  const stale = read.isStale ? ', marked stale' : '';
  return `read ${read.number} of ${read.session} on instance ${read.instance} (${times}${stale})${nearbyFaults(read, history.faults)}`;
}

export function describeSubscription({ instance, openedAtMs, closedAtMs, resumptions }: Subscription): string {
  const until = closedAtMs === null ? 'the end' : seconds(closedAtMs);
  if (resumptions) return `the resuming subscription (from ${seconds(openedAtMs)} to ${until})`;
  return `the subscription on instance ${instance} (open from ${seconds(openedAtMs)} to ${until})`;
}

export function describeState(row: Row, index: number): string {
  if (index < 0) return 'not created yet';
  const write = row.states[index];
  if (!write) return `version ${index + 1}, which was never written`;
  return `${write.kind === 'delete' ? 'deleted' : `version ${write.version}`} by ${describeWrite(write)}`;
}

export function describeWrite({ number, via, invokedAtMs, answeredAtMs, outcome }: Write): string {
  const whose = via === null ? 'plain SQL' : `instance ${via}`;
  const answer = answeredAtMs === null ? 'never answered' : `answered ${seconds(answeredAtMs)}`;
  return `write ${number} (${whose}, invoked ${seconds(invokedAtMs)}, ${answer}, ${outcome})`;
}

const NEARBY_MS = 5000;

function nearbyFaults({ instance, startedAtMs, endedAtMs }: Read, faults: readonly Fault[]): string {
  const nearby = faults.filter(
    (fault) =>
      (fault.instance === null || fault.instance === instance) &&
      fault.fromMs <= endedAtMs &&
      startedAtMs <= fault.toMs + NEARBY_MS,
  );
  const texts = nearby.map(({ kind, fromMs, toMs }) => `${kind} ${seconds(fromMs)} to ${seconds(toMs)}`);
  return texts.length === 0 ? '' : `; faults: ${texts.join(', ')}`;
}
