import type { FillLease, Primed } from '../../cache/index.ts';
import type { RowReader } from '../../database/read/row-reader.ts';
import type { AnyCollection } from '../definition/collection.ts';
import type { Column } from '../definition/columns.ts';
import type { Identified } from '../definition/record.ts';
import type { Operation } from './operation.ts';
import type { RecordLoader } from './record-loader.ts';
import type { JoinedRow } from './statements.ts';

/** What one statement brings along through one relation. */
export interface JoinedRows extends JoinedRow {
  /** Stores what came along. */
  keep(lease: FillLease, operation: Operation): void;
}

/** The collection that a relation refers to, as far as prefetching needs it. */
export interface RelationTarget {
  readonly definition: AnyCollection;
  records(operation: Operation): RecordLoader<Identified>;
  prime(records: readonly Identified[], lease: FillLease, operation: Operation): readonly Primed[];
}

/**
 * Reads the rows that a collection's rows refer to in the same statement, but only if they would otherwise cost a statement of
 * their own. It assumes so if some of them were missing from the cache the last time.
 */
export class RelationPrefetch {
  readonly #column: Column;
  readonly #target: RelationTarget;
  #areMissing = true;

  constructor(column: Column, target: RelationTarget) {
    this.#column = column;
    this.#target = target;
  }

  /** What the next statement is to bring along; `null` when the other rows are best read by themselves. */
  join(): JoinedRows | null {
    if (!this.#areMissing) return null;
    const { definition } = this.#target;
    const { shape } = definition;
    const found = new Map<string, Identified>();
    return {
      column: this.#column,
      target: definition,
      read(row: RowReader) {
        const id = row.internedUuid();
        if (id === null || found.has(id)) row.skip(shape.columnsBehindId);
        else found.set(id, shape.read(row, id));
      },
      keep: (lease, operation) => this.#keep([...found.values()], lease, operation),
    };
  }

  #keep(records: readonly Identified[], lease: FillLease, operation: Operation): void {
    const primed = this.#target.prime(records, lease, operation);
    this.#areMissing = primed.some((entry, index) => entry === 'no room' || entry?.value === records[index]);
  }

  /** Reads the rows that others refer to into the operation's own store, where the fields that show them find them at once. */
  async readOf(rows: readonly Identified[], operation: Operation): Promise<void> {
    const loader = this.#target.records(operation);
    const { field } = this.#column;
    const missing = new Set<string>();
    for (const row of rows) {
      const id = (row as unknown as Readonly<Record<string, string | null>>)[field]!;
      if (id !== null && !loader.finds(id)) missing.add(id);
    }
    if (missing.size === 0) return;
    this.#areMissing = true;
    await loader.loadMany([...missing]);
  }
}
