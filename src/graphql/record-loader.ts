import DataLoader from 'dataloader';
import { type Entry, findHeldRecord, type RecordSource, readRecords } from '../cache/index.ts';

interface Identified {
  readonly id: string;
  readonly version: number;
}

/**
 * The records of one kind, as one operation sees them: each is looked up once, so that all who show it show the same.
 *
 * What the cache holds is there at once, without a promise, of which a page would need one for each of its rows. What it
 * does not hold is loaded, all that is asked for in one tick together.
 */
export class RecordLoader<Row extends Identified> {
  readonly #source: RecordSource<Row>;
  readonly #seen = new Map<string, Row | null>();
  readonly #brought = new Map<string, Entry>();
  readonly #batches: DataLoader<readonly string[], readonly string[]>;

  constructor(source: RecordSource<Row>) {
    this.#source = source;
    this.#batches = new DataLoader((batches) => this.#read(batches), { cache: false });
  }

  /** Takes note of what the cache holds of a record since this operation loaded it along with others. */
  bring(id: string, entry: Entry): void {
    this.#brought.set(id, entry);
  }

  /** Whether the record is there at once. */
  finds(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  /** The record; `null` when there is none with this id. */
  load(id: string): Row | null | Promise<Row | null> {
    const known = this.#find(id);
    return known === undefined ? this.#batches.load([id]).then(() => this.#seen.get(id)!) : known;
  }

  /** The records in the order of `ids`, `null` for each that there is not. */
  async loadMany(ids: readonly string[]): Promise<(Row | null)[]> {
    const known = ids.map((id) => this.#find(id));
    const missing = ids.filter((_id, index) => known[index] === undefined);
    if (missing.length > 0) await this.#batches.load(missing);
    return ids.map((id, index) => known[index] ?? this.#seen.get(id)!);
  }

  #find(id: string): Row | null | undefined {
    const seen = this.#seen.get(id);
    if (seen !== undefined) return seen;
    const brought = this.#brought.get(id);
    const held =
      (brought && this.#source.cache.readBrought<Row>(brought, this.#source)) ?? findHeldRecord(id, this.#source);
    if (held !== undefined) this.#seen.set(id, held);
    return held;
  }

  async #read(batches: readonly (readonly string[])[]): Promise<readonly (readonly string[])[]> {
    const ids = [...new Set(batches.flat())];
    const records = await readRecords(ids, this.#source);
    ids.forEach((id, index) => {
      if (!this.#seen.has(id)) this.#seen.set(id, records[index]!);
    });
    return batches;
  }
}
