import type { Identified } from '../../src/collections/index.ts';
import { IDS, isRecordOf, type SqlRow, TABLES, type Table } from './rows.ts';
import type { Commit, RowChange } from './simulated-database.ts';

/**
 * What a row was from one commit up to another. A transaction that writes a row twice makes a state that ends with the same
 * commit: no query ever finds it, but it is announced, and shows until the rest of the transaction is.
 */
export interface RowState {
  /** Rises with every state of any row. */
  readonly sequence: number;
  readonly commit: number;
  /** The commit that replaced it; infinity while it lasts. */
  endCommit: number;
  readonly row: SqlRow | null;
}

/** States and commits before these are forgotten. Nothing as old may be read. */
const KEPT_STATES = 5000;
const KEPT_COMMITS = 10_000;

/** Everything that was true at any moment of the recent past. */
export class History {
  readonly #states = new Map<string, RowState[]>();
  readonly #commits: Commit[] = [];
  #sequence = 0;
  /** The state that a record is of. Records are frozen, and a cache hands out the same one again and again. */
  readonly #stateOf = new WeakMap<object, RowState>();

  constructor() {
    for (const table of TABLES) {
      for (const id of IDS[table]) {
        const never = { sequence: 0, commit: 0, endCommit: Number.POSITIVE_INFINITY, row: null };
        this.#states.set(`${table} ${id}`, [never]);
      }
    }
  }

  add(commit: Commit): void {
    this.#commits.push(commit);
    if (this.#commits.length > 2 * KEPT_COMMITS) this.#commits.splice(0, KEPT_COMMITS);
    for (const { table, id, new: row } of commit.changes) {
      const states = this.statesOf(table, id);
      const last = states.at(-1)!;
      last.endCommit = commit.number;
      states.push({
        sequence: ++this.#sequence,
        commit: commit.number,
        endCommit: Number.POSITIVE_INFINITY,
        row,
      });
      if (states.length > 2 * KEPT_STATES) states.splice(0, KEPT_STATES);
    }
  }

  statesOf(table: Table, id: string): RowState[] {
    return this.#states.get(`${table} ${id}`)!;
  }

  stateAt(table: Table, id: string, commit: number): RowState {
    const states = this.statesOf(table, id);
    let index = states.length - 1;
    while (index > 0 && states[index]!.commit > commit) index--;
    return states[index]!;
  }

  /** The state that a record shows; `undefined` when there was none like it, or it is long ago. */
  stateShownBy(table: Table, record: object): RowState | undefined {
    const known = this.#stateOf.get(record);
    if (known) return known;
    const { id, rowVersion, createdAtMs } = record as Identified;
    const state = this.statesOf(table, id)?.findLast(
      ({ row }) => row?.row_version === rowVersion && row.created_at === createdAtMs,
    );
    if (!state || !isRecordOf(table, record, state.row!)) return undefined;
    this.#stateOf.set(record, state);
    return state;
  }

  /** The changes of a commit. */
  changesOf(commit: number): readonly RowChange[] {
    return this.#commit(commit)?.changes ?? [];
  }

  /** The last commit that was over at a time. */
  commitAt(timeMs: number): number {
    let low = 0;
    let high = this.#commits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#commits[middle]!.atMs <= timeMs) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? (this.#commits[0]?.number ?? 1) - 1 : this.#commits[low - 1]!.number;
  }

  #commit(number: number): Commit | undefined {
    const first = this.#commits[0];
    return first && this.#commits[number - first.number];
  }
}
