import { Snapshot } from '../../changes/index.ts';
import type { AnyCollection } from '../definition/collection.ts';
import type { Column } from '../definition/columns.ts';
import type { NormalizedFilter } from '../definition/filter-language.ts';
import { compareByCodePoint } from '../definition/page.ts';
import type { GroupCount, MeasureSummary, Summary } from '../definition/summary.ts';
import { END_ROWS, type LoadedMeasure, Measure } from './measure.ts';

/** What a statement tells of the rows that fit a filter, in the order of the collection's summary. */
export interface LoadedSummary {
  /** Of the statement, as text. */
  readonly snapshot: string;
  readonly total: number;
  readonly groups: readonly (readonly GroupCount[])[];
  readonly missing: readonly number[];
  readonly measures: readonly LoadedMeasure[];
}

/** A row before and after a change, and the transaction that made it. */
export interface SummarizedChange {
  readonly old: object | null;
  readonly new: object | null;
  readonly xid: string;
}

/** A summary that is not read during this many changes is dropped; the next reader loads it. */
const MAX_UNREAD = 10_000;
const BYTES_OF_NUMBER = 8;
const BYTES_OF_GROUP = 100;

/**
 * Behind a summary in the cache: what it takes to tell the next one from a change. The changes of transactions that its
 * statement had seen are in it already, although they may be announced later.
 */
export class SummaryState {
  readonly snapshot: Snapshot;
  readonly #collection: AnyCollection;
  readonly #filter: NormalizedFilter;
  readonly #groups: readonly Map<string | null, number>[];
  readonly #missing: number[];
  readonly #measures: readonly Measure[];
  #total: number;
  #unread = 0;
  #summary: Summary;

  constructor(collection: AnyCollection, filter: NormalizedFilter, loaded: LoadedSummary) {
    this.#collection = collection;
    this.#filter = filter;
    this.snapshot = new Snapshot(loaded.snapshot);
    this.#total = loaded.total;
    this.#groups = loaded.groups.map((counts) => new Map(counts));
    this.#missing = [...loaded.missing];
    this.#measures = loaded.measures.map((measure) => new Measure(measure));
    const { groups, missing, measures } = collection.summary;
    this.#summary = {
      total: this.#total,
      groups: byProperty(groups, (at) => inOrder(groups[at]!, this.#groups[at]!)),
      missing: byProperty(missing, (at) => this.#missing[at]!),
      measures: byProperty(measures, (at) => this.#measures[at]!.summary()!),
    };
  }

  get summary(): Summary {
    return this.#summary;
  }

  get bytes(): number {
    const values = this.#groups.reduce((sum, counts) => sum + counts.size, 0);
    return 4 * END_ROWS * BYTES_OF_NUMBER * this.#measures.length + values * BYTES_OF_GROUP;
  }

  noteRead(): void {
    this.#unread = 0;
  }

  /** The summary after a change; `undefined`: it has to be loaded. */
  next({ old, new: now, xid }: SummarizedChange): Summary | undefined {
    const { filters } = this.#collection;
    const before = old !== null && filters.matches(this.#filter, old) ? old : null;
    const after = now !== null && filters.matches(this.#filter, now) ? now : null;
    if ((!before && !after) || this.snapshot.sees(xid)) return this.#summary;
    this.#unread += 1;
    if (this.#unread > MAX_UNREAD) return undefined;
    this.#total += (after ? 1 : 0) - (before ? 1 : 0);
    const groups = this.#nextGroups(before, after);
    const missing = this.#nextMissing(before, after);
    const measures = this.#nextMeasures(before, after);
    if (!measures) return undefined;
    const known = this.#summary;
    const isSame =
      this.#total === known.total &&
      groups === known.groups &&
      missing === known.missing &&
      measures === known.measures;
    if (!isSame) this.#summary = { total: this.#total, groups, missing, measures };
    return this.#summary;
  }

  #nextGroups(before: object | null, after: object | null): Summary['groups'] {
    let next = this.#summary.groups;
    this.#collection.summary.groups.forEach((column, at) => {
      const [old, now] = [valueIn<string>(column, before), valueIn<string>(column, after)];
      if (old === now) return;
      const counts = this.#groups[at]!;
      if (old !== undefined) count(counts, old, -1);
      if (now !== undefined) count(counts, now, 1);
      next = { ...next, [column.property]: inOrder(column, counts) };
    });
    return next;
  }

  #nextMissing(before: object | null, after: object | null): Summary['missing'] {
    let next = this.#summary.missing;
    this.#collection.summary.missing.forEach((column, at) => {
      const isMissing = (row: object | null) => (valueIn(column, row) === null ? 1 : 0);
      const difference = isMissing(after) - isMissing(before);
      if (difference === 0) return;
      this.#missing[at]! += difference;
      next = { ...next, [column.property]: this.#missing[at]! };
    });
    return next;
  }

  /** `null`: an end of one is not known any more. */
  #nextMeasures(before: object | null, after: object | null): Summary['measures'] | null {
    let next: Summary['measures'] = this.#summary.measures;
    for (const [at, column] of this.#collection.summary.measures.entries()) {
      const [old, now] = [valueIn<number>(column, before) ?? null, valueIn<number>(column, after) ?? null];
      if (old === now) continue;
      const measure = this.#measures[at]!;
      // Added first, so that a row which stays at an end does not leave it unknown.
      if (now !== null) measure.add(now);
      if (old !== null) measure.remove(old);
      const summary: MeasureSummary | null = measure.summary();
      if (!summary) return null;
      next = { ...next, [column.property]: summary };
    }
    return next;
  }
}

/** What there is of no row. */
export function emptySummary({ summary: { groups, missing, measures } }: AnyCollection): Summary {
  const nothing = { reported: 0, minimum: null, average: null, maximum: null };
  return {
    total: 0,
    groups: byProperty(groups, () => []),
    missing: byProperty(missing, () => 0),
    measures: byProperty(measures, () => nothing),
  };
}

function byProperty<Figure>(columns: readonly Column[], figureAt: (at: number) => Figure): Record<string, Figure> {
  return Object.fromEntries(columns.map(({ property }, at) => [property, figureAt(at)]));
}

/** `undefined`: there is no row. */
function valueIn<Value>({ field }: Column, row: object | null): Value | null | undefined {
  return row ? (row as Readonly<Record<string, Value | null>>)[field] : undefined;
}

function count(counts: Map<string | null, number>, value: string | null, difference: number): void {
  const rows = (counts.get(value) ?? 0) + difference;
  if (rows < 0) throw new RangeError('A row was taken from a summary that does not hold it.');
  if (rows === 0) counts.delete(value);
  else counts.set(value, rows);
}

function inOrder({ values }: Column, counts: ReadonlyMap<string | null, number>): GroupCount[] {
  const groups: GroupCount[] = [...counts];
  if (values) return groups.sort(([one], [other]) => values.indexOf(one!) - values.indexOf(other!));
  return groups.sort(
    ([one, rows], [other, otherRows]) => otherRows - rows || compareByCodePoint(one ?? '', other ?? ''),
  );
}
