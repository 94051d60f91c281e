import { isDeepStrictEqual } from 'node:util';
import { type Entry, stableJson } from '../../cache/index.ts';
import type { AnyCollection, Collection, List, Page } from '../definition/collection.ts';
import type { Column } from '../definition/columns.ts';
import type { NormalizedFilter } from '../definition/filter-language.ts';
import type { Identified } from '../definition/record.ts';
import type { MeasureSummary, Summary } from '../definition/summary.ts';
import { isSameValue } from '../definition/values.ts';
import type { Statements } from './statements.ts';
import { SummaryState } from './summary-state.ts';

/** An entry beside what the database has in its place. */
export interface Found {
  readonly entry: Entry;
  readonly isSame: boolean;
  /** The row version in the database; `null`: there is no such row; `undefined`: the entry is no record. */
  readonly version: number | null | undefined;
}

/** One statement that reads again what some entries hold. */
export interface Reread {
  /** A summary reads all rows that fit; a list is a page of rows or a count; one statement reads hundreds of records. */
  readonly of: 'records' | 'list' | 'summary';
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
    const { key, listLayer, countLayer, summaryLayer } = this.#definition;
    const rereads: Reread[] = [];
    const records: Entry[] = [];
    for (const entry of entries) {
      if (entry.layer === key) records.push(entry);
      else if (entry.layer === listLayer) rereads.push(rereadOne('list', entry, () => this.#isSamePage(entry)));
      else if (entry.layer === countLayer) rereads.push(rereadOne('list', entry, () => this.#isSameCount(entry)));
      else if (entry.layer === summaryLayer) {
        rereads.push(rereadOne('summary', entry, () => this.#isSameSummary(entry)));
      }
    }
    for (let start = 0; start < records.length; start += MAX_RECORDS) {
      const some = records.slice(start, start + MAX_RECORDS);
      rereads.push({ of: 'records', run: () => this.#findRecords(some) });
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
    const held = value as Page;
    const { ids, next } = this.#definition.pageOf(list, await this.#statements.findPage(list));
    return isDeepStrictEqual([held.ids, held.next?.id], [ids, next?.id]);
  }

  async #isSameCount({ request, value }: Entry): Promise<boolean> {
    return (await this.#statements.count(request as NormalizedFilter)) === value;
  }

  async #isSameSummary({ request, value }: Entry): Promise<boolean> {
    const filter = request as NormalizedFilter;
    const { summary } = new SummaryState(this.#definition, filter, await this.#statements.summarize(filter));
    return isSameSummary(value as Summary, summary);
  }
}

function rereadOne(of: 'list' | 'summary', entry: Entry, isSame: () => Promise<boolean>): Reread {
  return { of, run: async () => [{ entry, isSame: await isSame(), version: undefined }] };
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

function isSameSummary(held: Summary, stored: Summary): boolean {
  return (
    held.total === stored.total &&
    stableJson(held.missing) === stableJson(stored.missing) &&
    stableJson(held.groups) === stableJson(stored.groups) &&
    Object.entries(held.measures).every(([property, measure]) => isSameMeasure(measure, stored.measures[property]!))
  );
}

/** A mean that was kept change by change is rounded in another place. */
const MEAN_TOLERANCE = 1e-9;

function isSameMeasure(held: MeasureSummary, stored: MeasureSummary): boolean {
  const { average: mean, ...rest } = held;
  const { average: storedMean, ...storedRest } = stored;
  if (stableJson(rest) !== stableJson(storedRest)) return false;
  if (mean === null || storedMean === null) return mean === storedMean;
  return Math.abs(mean - storedMean) <= MEAN_TOLERANCE * Math.max(1, Math.abs(storedMean));
}
