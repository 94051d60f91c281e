import { type SqlRow, TABLES, type Table, toJsonRow, toJsonValue } from './rows.ts';

export type Values = Readonly<Record<string, SqlRow[string]>>;

/** One statement that writes. An update or a deletion of a row that does not exist changes nothing. */
export type WriteStatement =
  | {
      readonly op: 'INSERT' | 'UPDATE' | 'DELETE';
      readonly table: Table;
      readonly rows: readonly { readonly id: string; readonly values: Values }[];
      /** Which of the rows are too big to be announced with their content. */
      readonly isBig: (id: string) => boolean;
      /** Whether the announcement is spread over several messages. */
      readonly isSplit: boolean;
    }
  | { readonly op: 'TRUNCATE'; readonly table: Table };

export interface RowChange {
  readonly table: Table;
  readonly id: string;
  readonly old: SqlRow | null;
  readonly new: SqlRow | null;
}

/** A committed transaction. Commits are numbered in their order. */
export interface Commit {
  readonly number: number;
  readonly atMs: number;
  readonly changes: readonly RowChange[];
}

export type Publish = (payload: string, commit: number) => void;

/**
 * A database with one current version of each row. A transaction takes effect at one moment, at which a read sees all of it
 * or nothing, and its announcements are sent at that moment, so they are in commit order.
 */
export class SimulatedDatabase {
  /** The number of the last commit. */
  commits = 0;
  /** Called with each commit, before anybody can see it. */
  onCommit: (commit: Commit) => void = () => {};
  readonly #now: () => number;
  readonly #tables = new Map<string, Map<string, SqlRow>>(TABLES.map((table) => [table, new Map()]));
  readonly #listeners = new Set<Publish>();
  readonly #running = new Set<number>();
  #nextXid = 1000;
  #lastStampMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  rows(table: string): ReadonlyMap<string, SqlRow> {
    const rows = this.#tables.get(table);
    if (!rows) throw new Error(`There is no table ${table}.`);
    return rows;
  }

  /** Adds a listener of the channel, which receives the payloads of all later commits, and returns a function that ends it. */
  listen(publish: Publish): () => void {
    this.#listeners.add(publish);
    return () => this.#listeners.delete(publish);
  }

  /** Begins a transaction that writes, and returns its id. */
  begin(): number {
    const xid = this.#nextXid++;
    this.#running.add(xid);
    return xid;
  }

  rollBack(xid: number): void {
    this.#running.delete(xid);
  }

  /** The snapshot of a transaction that begins now, as `pg_current_snapshot()` gives it. */
  snapshot(): string {
    const running = [...this.#running];
    return `${running[0] ?? this.#nextXid}:${this.#nextXid}:${running.join(',')}`;
  }

  /** @returns whether anything was announced */
  commit(xid: number, statements: readonly WriteStatement[], isMarked: boolean): boolean {
    const changes: RowChange[] = [];
    const payloads = statements.flatMap((statement) => this.#execute(statement, xid, changes));
    this.#running.delete(xid);
    const isAnnounced = payloads.length > 0;
    if (isMarked) payloads.push(JSON.stringify({ mark: String(xid) }));
    this.#end(changes, payloads);
    return isAnnounced;
  }

  /** Commits a transaction that sends a payload and does nothing else. */
  notify(payload: string): void {
    this.#end([], [payload]);
  }

  #end(changes: readonly RowChange[], payloads: readonly string[]): void {
    const number = ++this.commits;
    this.onCommit({ number, atMs: this.#now(), changes });
    payloads.forEach((payload, index) => {
      // Only the last message of a commit has brought all of it.
      const brings = index === payloads.length - 1 ? number : number - 1;
      for (const publish of this.#listeners) publish(payload, brings);
    });
  }

  #execute(statement: WriteStatement, xid: number, changes: RowChange[]): string[] {
    const { table, op } = statement;
    const rows = this.#tables.get(table)!;
    if (op === 'TRUNCATE') {
      for (const [id, old] of rows) changes.push({ table, id, old, new: null });
      rows.clear();
      return [JSON.stringify({ table, op, xid: String(xid), isLast: true, rows: [] })];
    }
    const done = statement.rows.flatMap(({ id, values }) => this.#write(statement, id, values) ?? []);
    changes.push(...done);
    const announced = done.map((change) => announce(change, statement.isBig(change.id)));
    const middle = statement.isSplit ? Math.ceil(announced.length / 2) : announced.length;
    const parts = [announced.slice(0, middle), announced.slice(middle)].filter((part) => part.length > 0);
    return parts.map((part, index) =>
      JSON.stringify({ table, op, xid: String(xid), isLast: index === parts.length - 1, rows: part }),
    );
  }

  #write({ op, table }: WriteStatement, id: string, values: Values): RowChange | null {
    const rows = this.#tables.get(table)!;
    const old = rows.get(id) ?? null;
    if ((op === 'INSERT') !== (old === null)) return null;
    if (op === 'DELETE') {
      rows.delete(id);
      return { table, id, old, new: null };
    }
    const stampMs = this.#stamp();
    const row = old
      ? { ...old, ...values, ...versionsAfter(old, values, stampMs) }
      : { ...values, id, created_at: stampMs, updated_at: stampMs, version: 1, row_version: 1000 * stampMs };
    rows.set(id, row);
    return { table, id, old, new: row };
  }

  /** A time that no row has been created or edited at, so that it tells a row from one that was made again. */
  #stamp(): number {
    this.#lastStampMs = Math.max(Math.floor(this.#now()), this.#lastStampMs + 1);
    return this.#lastStampMs;
  }
}

/** As telemetry does: it writes this column alone. */
export const REPORTED_COLUMN = 'height';

/** A report raises the row version only. */
function versionsAfter(old: SqlRow, values: Values, stampMs: number): Values {
  const row_version = (old.row_version as number) + 1;
  const isReport = Object.keys(values).every((name) => name === REPORTED_COLUMN);
  return isReport ? { row_version } : { row_version, version: (old.version as number) + 1, updated_at: stampMs };
}

function announce({ id, old, new: now }: RowChange, isBig: boolean): object {
  const { row_version: version } = (now ?? old)!;
  if (isBig) return { id, version };
  if (!old || !now) return { id, version, old: old && toJsonRow(old), new: now && toJsonRow(now) };
  const differing = Object.entries(old).filter(([name, value]) => now[name] !== value);
  const before = Object.fromEntries(differing.map(([name, value]) => [name, toJsonValue(name, value)]));
  return { id, version, old: before, new: toJsonRow(now) };
}
