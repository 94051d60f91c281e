/*
 * All requests to the servers and their answers. All times come from the checker's own monotonic clock, in milliseconds
 * since the run began.
 *
 * Every row has one owner, which writes one change after the other, so the order of its versions is known. A write with
 * an unknown outcome is the last of its row, except for the deletion that removes the row.
 */

export type Value = string | number | null;

/** Columns by their GraphQL names; `managerId` stands for a workstation's `manager { id }`. */
export type Fields = Readonly<Record<string, Value>>;

export interface Write {
  /** Rises with every write of the run, and is part of the written values. */
  readonly number: number;
  readonly kind: 'create' | 'update' | 'delete';
  /** The version that it gives the row. Reports keep it, so several states may have the same. */
  readonly version: number;
  /** The instance that executed the write; `null`: plain SQL, without any instance. */
  via: number | null;
  readonly invokedAtMs: number;
  /** The time of the answer; `null` without an answer. */
  answeredAtMs: number | null;
  /** `unknown`: the write may have happened or may still happen. `failed`: it certainly never happened. */
  outcome: 'pending' | 'ok' | 'failed' | 'unknown';
  /** The whole row after the write; `null` after a deletion. */
  readonly fields: Fields | null;
}

export interface RowLog {
  readonly table: 'workstation' | 'manager';
  /** Unique and constant. */
  readonly name: string;
  /** `null` until an answer contains it. */
  id: string | null;
  createdAtMs: number | null;
  /** In the order of invocation; the first creates the row. */
  readonly writes: Write[];
}

/** A row as shown in an answer. Equal rows share one object. */
export interface Observed {
  readonly id: string;
  readonly version: number;
  readonly createdAtMs: number | null;
  readonly fields: Fields;
}

export interface ListPosition {
  readonly value: Value;
  readonly id: string;
}

export interface ListQuery {
  readonly status?: readonly string[];
  readonly managerId?: string;
  readonly unmanaged?: boolean;
  readonly nameContains?: string;
  readonly orderBy: { readonly field: OrderField; readonly direction: 'ASC' | 'DESC' };
  /** Whether the list is read from its end. `first`, `after` and the nodes of the answer are in the direction of reading. */
  readonly isBackward?: boolean;
  readonly first: number;
  readonly after: ListPosition | null;
}

export type OrderField = 'NAME' | 'STATUS' | 'CPU_USAGE' | 'CREATED_AT' | 'LAST_SEEN_AT';

export interface ListAnswer {
  readonly nodes: readonly Observed[];
  /** In the direction of reading. */
  readonly hasNextPage: boolean;
}

export type ReadPart =
  | { readonly kind: 'record'; readonly id: string; readonly row: Observed | null }
  | {
      readonly kind: 'list';
      readonly query: ListQuery;
      /** `null` if only the count was requested. */
      readonly page: ListAnswer | null;
      /** `null` if it was not requested. */
      readonly totalCount: number | null;
    }
  | {
      readonly kind: 'summary';
      /** Only its filter counts. */
      readonly query: ListQuery;
      readonly figures: Figures;
    };

/** The figures of some workstations. */
export interface Figures {
  readonly total: number;
  readonly unmanaged: number;
  readonly byStatus: ReadonlyMap<string, number>;
  /** `null` if it was not requested. */
  readonly byOperatingSystem: ReadonlyMap<string, number> | null;
  readonly cpuUsage: UsageFigures;
}

export interface UsageFigures {
  readonly reported: number;
  readonly minimum: number | null;
  readonly average: number | null;
  readonly maximum: number | null;
}

export interface Read {
  readonly number: number;
  /** The session: one reader on one connection, which reads one thing after the other. */
  readonly session: string;
  readonly instance: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Whether the answer was marked as stale. */
  readonly isStale: boolean;
  /** Whether the read ran in the quiet phase at the end, when every instance must agree with PostgreSQL. */
  readonly isFinal: boolean;
  /** The write whose position the read carried: it has to show that write, and all that its instance had answered before. */
  readonly after?: ReadAfter | undefined;
  readonly parts: readonly ReadPart[];
}

export type ReadAfter = Pick<Write, 'number' | 'via' | 'invokedAtMs'>;

/** One subscription from its opening to its end. */
export interface Subscription {
  readonly instance: number;
  openedAtMs: number;
  /** `null`: still open at the end. */
  closedAtMs: number | null;
  readonly events: ChangeEvent[];
  /** When and where it went on from its last position, if it is cut off again and again. `instance` is then the first. */
  readonly resumptions?: Resumption[];
}

export interface Resumption {
  readonly atMs: number;
  readonly instance: number;
  /** When it was cut off again; absent while it is connected. */
  untilMs?: number;
}

export interface ChangeEvent {
  readonly atMs: number;
  /** `REFETCH` means that earlier changes may have been missed; it names no row. */
  readonly kind: 'CREATED' | 'UPDATED' | 'DELETED' | 'REFETCH';
  readonly id: string;
  readonly row: Observed | null;
}

/** One live query from its opening to its end. */
export interface LiveQueryLog {
  /** The reader and the number of its query. */
  readonly name: string;
  readonly instance: number;
  readonly throttleMs: number;
  openedAtMs: number;
  /** `null`: still open at the end. */
  closedAtMs: number | null;
  /** Whether it was open in the quiet phase at the end, when its last answer must agree with PostgreSQL. */
  isFinal: boolean;
  readonly answers: LiveAnswer[];
}

export interface LiveAnswer {
  readonly atMs: number;
  /** The answer stood already when it began to be judged. */
  readonly isCarried: boolean;
  readonly isStale: boolean;
  /** `null`: it had errors. */
  readonly parts: readonly ReadPart[] | null;
}

export interface Fault {
  readonly kind: string;
  /** `null`: all. */
  readonly instance: number | null;
  readonly fromMs: number;
  /** The end of the recovery; infinity while the fault lasts. */
  toMs: number;
}

/** The first sight of a write on another instance. */
export interface Propagation {
  readonly instance: number;
  readonly answeredAtMs: number;
  /** The start of the first read that showed it. */
  readonly seenAtMs: number;
}

/** A row in PostgreSQL in the quiet phase at the end. */
export interface FinalRow {
  readonly table: RowLog['table'];
  readonly id: string;
  readonly version: number;
  readonly createdAtMs: number;
  readonly lastSeenAtMs: number | null;
  readonly fields: Fields;
}

export interface History {
  readonly rows: RowLog[];
  readonly reads: Read[];
  readonly subscriptions: Subscription[];
  readonly liveQueries: LiveQueryLog[];
  readonly faults: Fault[];
  readonly propagations: Propagation[];
  /** Observations that are wrong without any judging. */
  readonly anomalies: { readonly atMs: number; readonly text: string }[];
  /** The histories until the restores of the database, in their order; see `eras.ts`. */
  readonly earlier: History[];
  /** Reads and events before this time are judged in no era. */
  judgedFromMs: number;
  finalRows: FinalRow[] | null;
  failedReads: number;
  /** Reads during a restore. */
  unjudgedReads: number;
  lastReadNumber: number;
  /** Reads in Redis since each instance's last start; `null` without Redis. */
  redisReads: { hits: number; misses: number } | null;
  /** What the servers say of their own answers, since each was started last. */
  readonly audits: { readonly instance: number; readonly audited: number; readonly stale: number }[];
}

export function createHistory(): History {
  return {
    rows: [],
    reads: [],
    subscriptions: [],
    liveQueries: [],
    faults: [],
    propagations: [],
    anomalies: [],
    earlier: [],
    judgedFromMs: 0,
    finalRows: null,
    failedReads: 0,
    unjudgedReads: 0,
    lastReadNumber: 0,
    redisReads: null,
    audits: [],
  };
}

/** Milliseconds since the call, on the monotonic clock. */
export function createStopwatch(): () => number {
  const startedAt = process.hrtime.bigint();
  return () => Number(process.hrtime.bigint() - startedAt) / 1e6;
}
