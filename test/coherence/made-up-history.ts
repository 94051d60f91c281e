import {
  type ChangeEvent,
  createHistory,
  type Fault,
  type Fields,
  type Figures,
  type FinalRow,
  type History,
  type ListQuery,
  type LiveAnswer,
  type Observed,
  type ReadAfter,
  type ReadPart,
  type Resumption,
  type RowLog,
  type Subscription,
  type Write,
} from './history.ts';
import { type Bounds, judge, type Rule } from './judge.ts';

export const BOUNDS: Bounds = { deltaMs: 100, faultDeltaMs: 1000, liveDeltaMs: 200 };

export const WHOLE_LIST: ListQuery = { orderBy: { field: 'CREATED_AT', direction: 'DESC' }, first: 500, after: null };

interface WriteTimes {
  readonly via?: number | null;
  readonly invokedAtMs: number;
  /** Default: 1 ms later. `null`: never, so the outcome is unknown. */
  readonly answeredAtMs?: number | null;
}

interface ReadTimes {
  readonly session?: string;
  readonly instance?: number;
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  readonly isStale?: boolean;
  readonly isFinal?: boolean;
  readonly after?: ReadAfter;
}

/** A workstation of a made-up history. Its changes take effect in the order of the calls. */
export interface MadeUpRow {
  readonly log: RowLog;
  change(values: Fields, times: WriteTimes): MadeUpRow;
  /** A change that keeps the version. */
  report(cpuUsage: number, times: WriteTimes): MadeUpRow;
  delete(times: WriteTimes): MadeUpRow;
  /** The workstation at a version as an answer shows it, with these values instead of the written ones. */
  at(version: number, values?: Fields): Observed;
}

/** A history that a test invents, and the judge's verdict on it. */
export interface MadeUp {
  readonly history: History;
  /** A workstation that plain SQL created, `createdAtMs` after the start of the run. */
  row(name: string, values?: Fields, createdAtMs?: number): MadeUpRow;
  read(times: ReadTimes, ...parts: ReadPart[]): MadeUp;
  fault(kind: string, fromMs: number, toMs: number, instance?: number | null): MadeUp;
  subscription(events: readonly ChangeEvent[], closedAtMs?: number | null): MadeUp;
  /** A subscription that began on instance 1 and resumed. */
  resuming(events: readonly ChangeEvent[], ...resumptions: Resumption[]): MadeUp;
  /** A live query with a throttle of 100 ms, opened at 0 ms on instance 1. */
  live(answers: readonly LiveAnswer[], closedAtMs?: number | null): MadeUp;
  finally(...rows: FinalRow[]): MadeUp;
  rules(): Rule[];
}

export function makeUpHistory(): MadeUp {
  const history = createHistory();
  let number = 0;
  const addWrite = (log: RowLog, kind: Write['kind'], fields: Fields | null, times: WriteTimes, isReport = false) => {
    const { via = null, invokedAtMs, answeredAtMs = invokedAtMs + 1 } = times;
    const outcome = answeredAtMs === null ? 'unknown' : 'ok';
    const version = (log.writes.at(-1)?.version ?? 0) + (isReport ? 0 : 1);
    log.writes.push({ number: ++number, kind, version, via, invokedAtMs, answeredAtMs, outcome, fields });
  };
  const madeUp: MadeUp = {
    history,
    row(name, values = {}, createdAtMs = 0) {
      const log: RowLog = { table: 'workstation', name, id: `id-${name}`, createdAtMs, writes: [] };
      const initial = { name, operatingSystem: 'first', status: 'OFFLINE', managerId: null, cpuUsage: null, ...values };
      addWrite(log, 'create', initial, { invokedAtMs: createdAtMs });
      history.rows.push(log);
      const row: MadeUpRow = {
        log,
        change(changed, times) {
          addWrite(log, 'update', { ...log.writes.at(-1)!.fields, ...changed }, times);
          return row;
        },
        report(cpuUsage, times) {
          addWrite(log, 'update', { ...log.writes.at(-1)!.fields, cpuUsage }, times, true);
          return row;
        },
        delete(times) {
          addWrite(log, 'delete', null, times);
          return row;
        },
        at(version, shown = {}) {
          const fields = { ...log.writes.findLast((write) => write.version === version)?.fields, ...shown };
          return { id: log.id!, version, createdAtMs, fields };
        },
      };
      return row;
    },
    read(times, ...parts) {
      const { session = 'a reader', instance = 1, startedAtMs, endedAtMs = startedAtMs + 1 } = times;
      const { isStale = false, isFinal = false, after } = times;
      const common = { number: ++number, session, instance, startedAtMs, endedAtMs };
      history.reads.push({ ...common, isStale, isFinal, after, parts });
      return madeUp;
    },
    fault(kind, fromMs, toMs, instance = null) {
      const fault: Fault = { kind, instance, fromMs, toMs };
      history.faults.push(fault);
      return madeUp;
    },
    subscription(events, closedAtMs = null) {
      const subscription: Subscription = { instance: 1, openedAtMs: 0, closedAtMs, events: [...events] };
      history.subscriptions.push(subscription);
      return madeUp;
    },
    resuming(events, ...resumptions) {
      const common = { instance: 1, openedAtMs: 0, closedAtMs: null, events: [...events] };
      history.subscriptions.push({ ...common, resumptions: [{ atMs: 0, instance: 1 }, ...resumptions] });
      return madeUp;
    },
    live(answers, closedAtMs = null) {
      const common = { name: `live ${++number}`, instance: 1, throttleMs: 100, openedAtMs: 0 };
      history.liveQueries.push({ ...common, closedAtMs, isFinal: closedAtMs === null, answers: [...answers] });
      return madeUp;
    },
    finally(...rows) {
      history.finalRows = rows;
      return madeUp;
    },
    rules: () => judge(history, BOUNDS).violations.map(({ rule }) => rule),
  };
  return madeUp;
}

export function record({ log }: MadeUpRow, row: Observed | null): ReadPart {
  return { kind: 'record', id: log.id!, row };
}

export function list(nodes: readonly Observed[], query: Partial<ListQuery> = {}, hasNextPage = false): ReadPart {
  return { kind: 'list', query: { ...WHOLE_LIST, ...query }, page: { nodes, hasNextPage }, totalCount: null };
}

export function count(totalCount: number, query: Partial<ListQuery> = {}): ReadPart {
  return { kind: 'list', query: { ...WHOLE_LIST, ...query }, page: null, totalCount };
}

export function summary(figures: Partial<Figures>, query: Partial<ListQuery> = {}): ReadPart {
  const nothing = { reported: 0, minimum: null, average: null, maximum: null };
  const none = { total: 0, unmanaged: 0, byStatus: new Map(), byOperatingSystem: null, cpuUsage: nothing };
  return { kind: 'summary', query: { ...WHOLE_LIST, ...query }, figures: { ...none, ...figures } };
}

/** An answer to a live query; without parts: a failed one. */
export function answered(atMs: number, ...parts: ReadPart[]): LiveAnswer {
  return { atMs, isCarried: false, isStale: false, parts: parts.length === 0 ? null : parts };
}

export function told(kind: ChangeEvent['kind'], atMs: number, row: MadeUpRow, version: number | null): ChangeEvent {
  return { atMs, kind, id: row.log.id!, row: version === null ? null : row.at(version) };
}

export function refetch(atMs: number): ChangeEvent {
  return { atMs, kind: 'REFETCH', id: '*', row: null };
}

export function held({ log, at }: MadeUpRow, version: number): FinalRow {
  const { fields } = at(version);
  return { table: 'workstation', id: log.id!, version, createdAtMs: log.createdAtMs!, lastSeenAtMs: null, fields };
}
