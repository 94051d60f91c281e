import type { Fault, Fields, History, Observed, Read, ReadAfter, RowLog, Write } from './history.ts';

/** The allowed age of a fresh answer in milliseconds, measured from the answers of the writes it does not show. */
export interface Bounds {
  /** On instances other than the writer's. */
  readonly deltaMs: number;
  /** The same while an instance was stopped or its feed was silent, until the instance must have noticed. */
  readonly faultDeltaMs: number;
  /** How long the answer to a live query may have been wrong, apart from its throttle. */
  readonly liveDeltaMs: number;
  /** With `mixed`, instances of one kind do not know the positions of the other. */
  readonly changeFeed?: 'notify' | 'logical' | 'mixed';
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
  const answers = history.liveQueries.flatMap(({ answers }) => answers);
  for (const { parts } of [...history.reads, ...answers]) {
    for (const part of parts ?? []) {
      if (part.kind === 'record') bind(part.row);
      if (part.kind === 'list') for (const node of part.page?.nodes ?? []) bind(node);
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
  if (delayMs === Number.POSITIVE_INFINITY) return { oldest: -1, newest };
  let oldest = newest;
  while (oldest >= 0) {
    const write = states[oldest]!;
    const knownByMs = write.via === instance ? startedAtMs : startedAtMs - delayMs;
    const isKnown = write.answeredAtMs! <= knownByMs || (after !== undefined && isCovered(write, after));
    if (write.outcome === 'ok' && isKnown) break;
    oldest--;
  }
  return { oldest, newest };
}

/** Whether the position of the write `after` is behind a write: its own, or one that its instance had answered before. */
function isCovered({ number, via, answeredAtMs }: Write, after: ReadAfter): boolean {
  return number === after.number || (via === after.via && answeredAtMs! <= after.invokedAtMs);
}

export function lastInvokedBefore(states: readonly Write[], atMs: number): number {
  return firstIndex(states, ({ invokedAtMs }) => invokedAtMs > atMs) - 1;
}

/** The place of the first item for which `isSo`, as for all items behind it; behind the last item if there is none. */
export function firstIndex<T>(items: readonly T[], isSo: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isSo(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The fields of a state; `null` before the creation and after the deletion. */
export function fieldsOf({ states }: Row, index: number): Fields | null {
  return index < 0 ? null : (states[index]?.fields ?? null);
}

/** The state that an observed row shows; -1 if there is none of its version. Each write of a version has a value of its own. */
export function stateShownBy(row: Row, observed: Observed): number {
  const known = shownBy.get(observed);
  if (known?.row === row) return known.index;
  const index = findState(row, observed);
  shownBy.set(observed, { row, index });
  return index;
}

/** Most rows are observed hundreds of times, as one object. */
const shownBy = new WeakMap<Observed, { readonly row: Row; readonly index: number }>();

function findState({ states }: Row, { version, fields }: Observed): number {
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
