import type { Fault, Fields, History, Observed, Read, RowLog, Write } from './history.ts';

/** How old a fresh answer may be, in milliseconds, measured from the answers of the writes it does not show. */
export interface Bounds {
  /** On instances other than the writer's. */
  readonly deltaMs: number;
  /** The same while an instance was stopped or its feed was silent, until it must have noticed. */
  readonly faultDeltaMs: number;
}

/** Faults an instance is told of by nobody: it has to notice by itself. */
const UNNOTICED_FAULTS = new Set(['stop', 'freeze', 'freeze-feed']);

/** A row with the states it went through; `states[n]` has the version n + 1, and a deletion is the last. */
export interface Row {
  readonly log: RowLog;
  readonly states: readonly Write[];
}

/** Which of a row's states a read may have met, as indexes of its states; -1: before it was created. */
export interface StateRange {
  readonly oldest: number;
  readonly newest: number;
}

export interface Rows {
  readonly all: readonly Row[];
  /** The row of an id that some answer told of, or whose name the observed fields carry. */
  find(id: string, fields?: Fields): Row | undefined;
}

export function indexRows(history: History): Rows {
  const all = history.rows.map((log) => ({ log, states: log.writes.filter(({ outcome }) => outcome !== 'failed') }));
  const byId = new Map<string, Row>();
  const byName = new Map(all.map((row) => [`${row.log.table} ${row.log.name}`, row]));
  for (const row of all) if (row.log.id !== null) byId.set(row.log.id, row);
  return {
    all,
    find(id, fields) {
      const known = byId.get(id);
      if (known || typeof fields?.name !== 'string') return known;
      const row = byName.get(`workstation ${fields.name}`);
      if (!row || row.log.id !== null) return undefined;
      byId.set(id, row);
      return row;
    },
  };
}

/** Fills in what only reads could tell: the ids of rows whose creation was never answered. */
export function bindUnansweredCreations(history: History, rows: Rows): void {
  const bind = (observed: Observed | null) => {
    if (!observed) return;
    const row = rows.find(observed.id, observed.fields);
    if (!row) return;
    row.log.id ??= observed.id;
    row.log.createdAtMs ??= observed.createdAtMs;
  };
  for (const { parts } of history.reads) {
    for (const part of parts) {
      if (part.kind === 'record') bind(part.row);
      else for (const node of part.page?.nodes ?? []) bind(node);
    }
  }
  for (const { events } of history.subscriptions) for (const { row } of events) bind(row);
}

export type Interval = Pick<Read, 'startedAtMs' | 'endedAtMs' | 'instance'>;

/** What a read that is not excused may be behind writes that other instances, or no instance, answered. */
export function allowedDelayMs(faults: readonly Fault[], read: Interval, bounds: Bounds): number {
  return faults.some((fault) => UNNOTICED_FAULTS.has(fault.kind) && isDuring(fault, read))
    ? bounds.faultDeltaMs
    : bounds.deltaMs;
}

export function isDuring(fault: Fault, { instance, startedAtMs, endedAtMs }: Interval): boolean {
  const isConcerned = fault.instance === null || fault.instance === instance;
  return isConcerned && fault.fromMs <= endedAtMs && startedAtMs <= fault.toMs;
}

/** @param delayMs what `allowedDelayMs` gives; infinity for an answer that says it may be old */
export function statesDuring(
  { states }: Row,
  { instance, startedAtMs, endedAtMs }: Interval,
  delayMs: number,
): StateRange {
  const newest = lastInvokedBefore(states, endedAtMs);
  let oldest = newest;
  while (oldest >= 0) {
    const { answeredAtMs, outcome, via } = states[oldest]!;
    const isPromised = delayMs < Number.POSITIVE_INFINITY;
    const knownByMs = via === instance ? startedAtMs : startedAtMs - delayMs;
    if (isPromised && outcome === 'ok' && answeredAtMs! <= knownByMs) break;
    oldest--;
  }
  return { oldest, newest };
}

function lastInvokedBefore(states: readonly Write[], atMs: number): number {
  let low = 0;
  let high = states.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (states[middle]!.invokedAtMs <= atMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The fields of a state; `null` before the creation and after the deletion. */
export function fieldsOf({ states }: Row, index: number): Fields | null {
  return index < 0 ? null : (states[index]?.fields ?? null);
}

export function deletionOf({ states }: Row): Write | undefined {
  const last = states.at(-1);
  return last?.kind === 'delete' ? last : undefined;
}
