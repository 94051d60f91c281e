import type { History } from './history.ts';
import { IDS, type SqlRow, type Value } from './rows.ts';
import type { RowChange } from './simulated-database.ts';

/** A list of desks, or their number, as readers ask for it. */
export interface ListQuery {
  readonly filter: {
    readonly kind?: readonly string[];
    readonly studioId?: string;
    readonly keeperId?: string;
    readonly homeless?: boolean;
    readonly noteContains?: string;
  };
  /** `null`: the number of rows. */
  readonly page: {
    readonly order: { readonly field: 'LABEL' | 'KIND' | 'SEATS' | 'BOUGHT_AT'; readonly direction: 'ASC' | 'DESC' };
    readonly size: number;
    readonly from: 'START' | 'END';
    readonly after: Place | null;
    readonly before: Place | null;
  } | null;
}

/** A place in an order, where a row may be or not. */
interface Place {
  readonly value: string | number | null;
  readonly id: string;
}

/** The right answer from one commit on. */
export interface ListState {
  readonly commit: number;
  readonly ids: readonly string[];
  readonly hasMore: boolean;
  readonly count: number;
}

const COLUMNS = { LABEL: 'label', KIND: 'kind', SEATS: 'seats', BOUGHT_AT: 'bought_at' } as const;
const KEPT_STATES = 5000;

/** The right answers to one query, at every commit that somebody asked about. Knows nothing of how the server finds them. */
export class ListOracle {
  readonly query: ListQuery;
  readonly #history: History;
  #states: ListState[] = [];
  #knownUntil = -1;

  constructor(query: ListQuery, history: History) {
    this.query = query;
    this.#history = history;
  }

  /** The answers that were right at some moment from commit `from` to commit `to`. */
  statesDuring(from: number, to: number): readonly ListState[] {
    this.#extend(from, to);
    const states = this.#states;
    let first = states.length - 1;
    while (first > 0 && states[first]!.commit > from) first--;
    let last = states.length - 1;
    while (last > first && states[last]!.commit > to) last--;
    return states.slice(first, last + 1);
  }

  #extend(from: number, to: number): void {
    if (this.#states.length === 0 || this.#knownUntil < from || this.#states[0]!.commit > from) {
      this.#states = [this.#evaluate(from)];
      this.#knownUntil = from;
    }
    while (this.#knownUntil < to) {
      const commit = ++this.#knownUntil;
      if (this.#history.changesOf(commit).some((change) => this.#concerns(change))) {
        this.#states.push(this.#evaluate(commit));
      }
    }
    if (this.#states.length > 2 * KEPT_STATES) this.#states.splice(0, KEPT_STATES);
  }

  #concerns({ table, old, new: now }: RowChange): boolean {
    if (table !== 'desk') return false;
    return (old !== null && this.#matches(old)) || (now !== null && this.#matches(now));
  }

  #evaluate(commit: number): ListState {
    const rows: SqlRow[] = [];
    for (const id of IDS.desk) {
      const { row } = this.#history.stateAt('desk', id, commit);
      if (row && this.#matches(row)) rows.push(row);
    }
    const { page } = this.query;
    if (!page) return { commit, ids: [], hasMore: false, count: rows.length };
    const { size, from, after, before } = page;
    const against = (row: SqlRow, place: Place) => this.#compare(row.id!, this.#valueOf(row), place.id, place.value);
    const range = rows.filter((row) => (!after || against(row, after) > 0) && (!before || against(row, before) < 0));
    range.sort((a, b) => this.#compare(a.id!, this.#valueOf(a), b.id!, this.#valueOf(b)));
    const shown = from === 'START' ? range.slice(0, size) : range.slice(-size);
    return { commit, ids: shown.map(({ id }) => id as string), hasMore: range.length > size, count: rows.length };
  }

  #matches(row: SqlRow): boolean {
    return matches(this.query.filter, row);
  }

  #valueOf(row: SqlRow): Value {
    return row[COLUMNS[this.query.page!.order.field]]!;
  }

  /** Rows without a value come last, whatever the direction. */
  #compare(id: Value, value: Value, otherId: Value, otherValue: Value): number {
    if (value === null && otherValue !== null) return 1;
    if (value !== null && otherValue === null) return -1;
    const order = value === otherValue ? (id! < otherId! ? -1 : id === otherId ? 0 : 1) : value! < otherValue! ? -1 : 1;
    return this.query.page!.order.direction === 'ASC' ? order : -order;
  }
}

export function matches(filter: ListQuery['filter'], row: SqlRow): boolean {
  const { kind, studioId, keeperId, homeless, noteContains } = filter;
  if (kind && !kind.includes(row.kind as string)) return false;
  if (studioId !== undefined && row.studio_id !== studioId) return false;
  if (keeperId !== undefined && row.keeper_id !== keeperId) return false;
  if (homeless !== undefined && (row.studio_id === null) !== homeless) return false;
  if (noteContains === undefined) return true;
  return row.note !== null && (row.note as string).toUpperCase().includes(noteContains.toUpperCase());
}
