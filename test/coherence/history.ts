/*
 * What was done to the servers and what they answered, in the time of the checker's own monotonic clock (milliseconds
 * since the run began): no other clock counts.
 *
 * Every row has one owner, who writes one change after the other, so the order of its versions is known. A write whose
 * outcome is not known is the last of its row, but for the deletion that takes the row out of play.
 */

export type Value = string | number | null;

/** Columns by the names GraphQL gives them; of a workstation `managerId` stands for `manager { id }`. */
export type Fields = Readonly<Record<string, Value>>;

export interface Write {
  /** Rises with every write of the run, and is part of what it writes. */
  readonly number: number;
  readonly kind: 'create' | 'update' | 'delete';
  /** The instance that was asked; `null`: plain SQL, past all of them. */
  via: number | null;
  readonly invokedAtMs: number;
  /** When the answer came; `null` as long as none did. */
  answeredAtMs: number | null;
  /** `unknown`: it may have happened, or may happen yet. `failed`: it surely never did. */
  outcome: 'pending' | 'ok' | 'failed' | 'unknown';
  /** The whole row afterwards; `null`: there is none. */
  readonly fields: Fields | null;
}

export interface RowLog {
  readonly table: 'workstation' | 'manager';
  /** Never changes, and no two rows have the same. */
  readonly name: string;
  /** `null` until an answer has told. */
  id: string | null;
  createdAtMs: number | null;
  /** In the order of their invocation; the first creates the row. */
  readonly writes: Write[];
}

/** A row as an answer showed it. Equal ones are one object. */
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
  readonly first: number;
  readonly after: ListPosition | null;
}

export type OrderField = 'NAME' | 'STATUS' | 'CPU_USAGE' | 'CREATED_AT' | 'LAST_SEEN_AT';

export interface ListAnswer {
  readonly nodes: readonly Observed[];
  readonly hasNextPage: boolean;
}

export type ReadPart =
  | { readonly kind: 'record'; readonly id: string; readonly row: Observed | null }
  | {
      readonly kind: 'list';
      readonly query: ListQuery;
      /** `null`: only the count was asked for. */
      readonly page: ListAnswer | null;
      /** `null`: it was not asked for. */
      readonly totalCount: number | null;
    };

export interface Read {
  readonly number: number;
  /** One reader on one connection, who reads one thing after the other. */
  readonly session: string;
  readonly instance: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Whether the answer said of itself that it may be old. */
  readonly isStale: boolean;
  /** Whether it was made in the quiet at the end, when every instance must agree with PostgreSQL. */
  readonly isFinal: boolean;
  readonly parts: readonly ReadPart[];
}

/** One life of a subscription. */
export interface Subscription {
  readonly instance: number;
  readonly openedAtMs: number;
  /** `null`: still open at the end. */
  closedAtMs: number | null;
  readonly events: ChangeEvent[];
}

export interface ChangeEvent {
  readonly atMs: number;
  /** `REFETCH`: changes may have been missed before it. It names no row. */
  readonly kind: 'CREATED' | 'UPDATED' | 'DELETED' | 'REFETCH';
  readonly id: string;
  readonly row: Observed | null;
}

export interface Fault {
  readonly kind: string;
  /** `null`: all. */
  readonly instance: number | null;
  readonly fromMs: number;
  /** When everything worked again; infinity as long as it does not. */
  toMs: number;
}

/** How long after its answer a write was seen on another instance. */
export interface Propagation {
  readonly instance: number;
  readonly answeredAtMs: number;
  /** The start of the first read that showed it. */
  readonly seenAtMs: number;
}

/** What PostgreSQL held in the quiet at the end. */
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
  readonly faults: Fault[];
  readonly propagations: Propagation[];
  /** What whoever met it knew at once to be wrong. */
  readonly anomalies: { readonly atMs: number; readonly text: string }[];
  finalRows: FinalRow[] | null;
  failedReads: number;
  /** What the instances read in Redis since each was started last; `null`: there was none. */
  redisReads: { hits: number; misses: number } | null;
}

export function createHistory(): History {
  return {
    rows: [],
    reads: [],
    subscriptions: [],
    faults: [],
    propagations: [],
    anomalies: [],
    finalRows: null,
    failedReads: 0,
    redisReads: null,
  };
}

/** Milliseconds since the call, on the monotonic clock. */
export function createStopwatch(): () => number {
  const startedAt = process.hrtime.bigint();
  return () => Number(process.hrtime.bigint() - startedAt) / 1e6;
}
