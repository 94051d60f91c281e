import type { Fault, Fields, History, Observed, Read, ReadAfter, RowLog, Write } from './history.ts';

/** The allowed age of a fresh answer in milliseconds, measured from the answers of the writes it does not show. */
export interface Bounds {
  /** On instances other than the writer's. */
  readonly deltaMs: number;
  /** The same while an instance was stopped or its feed was silent, until the instance must have noticed. */
  readonly faultDeltaMs: number;
}

/** Faults without any signal to the instance, which must detect them itself. */
const UNNOTICED_FAULTS = new Set(['stop', 'freeze', 'freeze-feed', 'deafen']);

/** A row with all its states in their order; a deletion comes last. */
export interface Row {
  readonly log: RowLog;
  readonly states: readonly Write[];
}

/** The states of a row that a read may have seen, as indexes; -1 stands for the time before the creation. */
export interface StateRange {
  readonly oldest: number;
  readonly newest: number;
}

export interface Rows {
  readonly all: readonly Row[];
  /** The row with this id, if an answer contained the id, or with the name in the observed fields. */
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

/** Adds the ids that only reads contain: those of rows whose creation was never answered. */
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

export type Interval = Pick<Read, 'startedAtMs' | 'endedAtMs' | 'instance' | 'after'>;

/** The allowed delay of a read that is not excused, behind writes through other instances or through none. */
export function allowedDelayMs(faults: readonly Fault[], read: Interval, bounds: Bounds): number {
  return faults.some((fault) => UNNOTICED_FAULTS.has(fault.kind) && isDuring(fault, read))
    ? bounds.faultDeltaMs
    : bounds.deltaMs;
}

export function isDuring(fault: Fault, { instance, startedAtMs, endedAtMs }: Interval): boolean {
  const isConcerned = fault.instance === null || fault.instance === instance;
  return isConcerned && fault.fromMs <= endedAtMs && startedAtMs <= fault.toMs;
}

/** @param delayMs the result of `allowedDelayMs`; infinity for an answer marked as stale */
export function statesDuring(
  { states }: Row,
  { instance, startedAtMs, endedAtMs, after }: Interval,
  delayMs: number,
): StateRange {
  const newest = lastInvokedBefore(states, endedAtMs);
  let oldest = newest;
  while (oldest >= 0) {
    const write = states[oldest]!;
    const isPromised = delayMs < Number.POSITIVE_INFINITY;
    const knownByMs = write.via === instance ? startedAtMs : startedAtMs - delayMs;
    const isKnown = write.answeredAtMs! <= knownByMs || (after !== undefined && isCovered(write, after));
    if (isPromised && write.outcome === 'ok' && isKnown) break;
    oldest--;
  }
  return { oldest, newest };
}

/** Whether the position of the write `after` is behind a write: its own, or one that its instance had answered before. */
function isCovered({ number, via, answeredAtMs }: Write, after: ReadAfter): boolean {
  return number === after.number || (via === after.via && answeredAtMs! <= after.invokedAtMs);
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

/** The state that an observed row shows; -1 if there is none of its version. Each write of a version has a value of its own. */
export function stateShownBy({ states }: Row, { version, fields }: Observed): number {
  const shown = Object.entries(fields);
  const hasVersion = (write: Write) => write.version === version && write.fields !== null;
  const exact = states.findLastIndex(
    (write) => hasVersion(write) && shown.every(([name, value]) => write.fields![name] === value),
  );
  return exact >= 0 ? exact : states.findIndex(hasVersion);
}

export function deletionOf({ states }: Row): Write | undefined {
  const last = states.at(-1);
  return last?.kind === 'delete' ? last : undefined;
}
