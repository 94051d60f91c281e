import type { Entry } from '../../cache/index.ts';
import type { AnyCollection, Collection, List, Page } from '../definition/collection.ts';
import type { Column } from '../definition/columns.ts';
import type { NormalizedFilter } from '../definition/filter-language.ts';
import type { Identified } from '../definition/record.ts';
import { isSameValue } from '../definition/values.ts';
import type { Statements } from './statements.ts';

/** An entry beside what the database has in its place. */
export interface Found {
  readonly entry: Entry;
  readonly isSame: boolean;
  /** The row version in the database; `null`: there is no such row; `undefined`: the entry is no record. */
  readonly version: number | null | undefined;
}

/** One statement that reads again what some entries hold. */
export interface Reread {
  readonly isOfRecords: boolean;
  run(): Promise<readonly Found[]>;
}

const MAX_RECORDS = 500;

/** How an audit asks the database for what the cache holds of one collection, past all caches and without filling one. */
export class Rereads<Row extends Identified> {
  readonly #definition: AnyCollection;
  readonly #statements: Statements<Row>;

  constructor(definition: Collection<Row, unknown, string>, statements: Statements<Row>) {
    this.#definition = definition;
    this.#statements = statements;
  }

  /** The statements for those of the entries that belong to the collection: for records together, for each list its own. */
  of(entries: readonly Entry[]): Reread[] {
    const { key, listLayer, countLayer } = this.#definition;
    const rereads: Reread[] = [];
    const records: Entry[] = [];
    for (const entry of entries) {
      if (entry.layer === key) records.push(entry);
      else if (entry.layer === listLayer) rereads.push(listReread(entry, () => this.#isSamePage(entry)));
      else if (entry.layer === countLayer) rereads.push(listReread(entry, () => this.#isSameCount(entry)));
    }
    for (let start = 0; start < records.length; start += MAX_RECORDS) {
      const some = records.slice(start, start + MAX_RECORDS);
      rereads.push({ isOfRecords: true, run: () => this.#findRecords(some) });
    }
    return rereads;
  }

  async #findRecords(entries: readonly Entry[]): Promise<Found[]> {
    const { columns } = this.#definition;
    const keyOf = (id: string) => this.#definition.keyOf(id);
    const prefix = keyOf('').length;
    const rows = await this.#statements.findByIds(entries.map(({ key }) => key.slice(prefix)));
    const rowOf = new Map(rows.map((row) => [keyOf(row.id), row]));
    return entries.map((entry) => {
      const row = rowOf.get(entry.key) ?? null;
      return { entry, isSame: isSameRecord(columns, entry.value, row), version: row?.rowVersion ?? null };
    });
  }

  async #isSamePage({ request, value }: Entry): Promise<boolean> {
    const list = request as List;
    const { ids, next } = value as Page;
    const rows = await this.#statements.findPage(list);
    const isNextSame = (rows[list.first]?.id ?? null) === (next?.id ?? null);
    return isNextSame && ids.length === Math.min(rows.length, list.first) && ids.every((id, at) => rows[at]!.id === id);
  }

  async #isSameCount({ request, value }: Entry): Promise<boolean> {
    return (await this.#statements.count(request as NormalizedFilter)) === value;
  }
}

function listReread(entry: Entry, isSame: () => Promise<boolean>): Reread {
  return { isOfRecords: false, run: async () => [{ entry, isSame: await isSame(), version: undefined }] };
}

/** A writer that turns the triggers off raises no version, so all that the record holds is compared. */
function isSameRecord(columns: readonly Column[], held: unknown, row: Identified | null): boolean {
  if (held === null || row === null) return held === row;
  const [one, other] = [held, row] as Readonly<Record<string, unknown>>[];
  return columns.every(
    ({ field, kind }) => isSameValue(one![field], other![field]) || isSameAsAnnounced(kind, one![field], other![field]),
  );
}

/** As far as an announcement tells: times to the millisecond, and a `real` as it is printed. */
function isSameAsAnnounced(kind: Column['kind'], one: unknown, other: unknown): boolean {
  if (typeof one !== 'number' || typeof other !== 'number') return false;
  if (kind === 'time') return Math.floor(one) === Math.floor(other);
  return kind === 'float' && Math.fround(one) === Math.fround(other);
}
