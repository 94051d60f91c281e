import DataLoader from 'dataloader';
import type { Entry, Primed } from '../../cache/index.ts';
import { findHeldRecord, type RecordSource, readRecords } from './records.ts';

/**
 * The records of one kind, as one operation sees them: each is looked up once, so that all who show it show the same.
 *
 * What the cache holds is there at once, without a promise, of which a page would need one for each of its rows. What it
 * does not hold is loaded, all that is asked for in one tick together.
 */
export class RecordLoader<Row extends { readonly id: string }> {
  readonly #source: RecordSource<Row>;
  /** By id: what was shown, `null` for what there is not; and of what came along, the cache's entry until it is shown. */
  readonly #known = new Map<string, Row | Entry | null>();
  readonly #batches: DataLoader<readonly string[], readonly string[]>;

  constructor(source: RecordSource<Row>) {
    this.#source = source;
    this.#batches = new DataLoader((batches) => this.#read(batches), { cache: false });
  }

  /** Takes note of records that this operation loaded along with others, and of what became of them in the cache. */
  prime(rows: readonly Row[], primed: readonly Primed[]): void {
    for (const [index, row] of rows.entries()) {
      const entry = primed[index]!;
      if (entry !== null && !this.#known.has(row.id)) this.#takeNote(row, entry);
    }
  }

  #takeNote(row: Row, entry: Entry | 'no room'): void {
    if (entry !== 'no room') return void this.#known.set(row.id, entry);
    this.#known.set(row.id, row);
    // What is made of it cannot be stored either.
    this.#source.trace?.add(this.#source.keyOf(row.id), null);
  }

  /** Whether the record is there at once. */
  finds(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  /** The record; `null` when there is none with this id. */
  load(id: string): Row | null | Promise<Row | null> {
    const known = this.#find(id);
    return known === undefined ? this.#batches.load([id]).then(() => this.#find(id)!) : known;
  }

  /** The records in the order of `ids`, `null` for each that there is not. */
  async loadMany(ids: readonly string[]): Promise<(Row | null)[]> {
    const known = ids.map((id) => this.#find(id));
    const missing = ids.filter((_id, index) => known[index] === undefined);
    if (missing.length > 0) await this.#batches.load(missing);
    return ids.map((id, index) => known[index] ?? this.#find(id)!);
  }

  /**
   * The records with these ids, of which the cache has given the entries that hold them.
   * @returns `null` if one of them has left the cache since
   */
  findStored(ids: readonly string[], entries: readonly Entry[]): Row[] | null {
    const rows: Row[] = [];
    for (const [index, id] of ids.entries()) {
      const known = this.#known.get(id);
      const row = known === undefined ? this.#show(id, entries[index]!) : known;
      if (!row || isEntry(row)) return null;
      rows.push(row);
    }
    return rows;
  }

  #show(id: string, entry: Entry): Row | undefined {
    const row = this.#source.cache.readPrimed<Row>(entry, this.#source);
    if (row !== undefined) this.#known.set(id, row);
    return row;
  }

  #find(id: string): Row | null | undefined {
    const known = this.#known.get(id);
    if (known !== undefined && !isEntry(known)) return known;
    const brought = known && this.#show(id, known);
    if (brought) return brought;
    const held = findHeldRecord(id, this.#source);
    if (held !== undefined) this.#known.set(id, held);
    return held;
  }

  async #read(batches: readonly (readonly string[])[]): Promise<readonly (readonly string[])[]> {
    const ids = [...new Set(batches.flat())];
    const records = await readRecords(ids, this.#source);
    ids.forEach((id, index) => {
      const known = this.#known.get(id);
      if (known === undefined || isEntry(known)) this.#known.set(id, records[index]!);
    });
    return batches;
  }
}

function isEntry(known: object | null): known is Entry {
  return known !== null && 'isHeld' in known;
}
