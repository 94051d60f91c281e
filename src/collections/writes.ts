import { v7 as uuidV7 } from 'uuid';
import { updateVersionedRow } from '../database/write/versioned-row.ts';
import type { Writer } from '../database/write/writer.ts';
import { StationmasterError } from '../errors.ts';
import { baseProperties } from './definition/base.entity.ts';
import type { Collection } from './definition/collection.ts';
import type { Column } from './definition/columns.ts';
import { absenceOf } from './definition/constraints.ts';
import { normalizeId } from './definition/ids.ts';
import type { Identified } from './definition/record.ts';

/** What is to be written, by the names of the record's fields. What is `undefined`, or no field, is left alone. */
export type GivenValues = object;

/** Creates, updates and deletes single rows of a collection, and answers once this process has heard of the change. */
export class CollectionWriter<Row extends Identified> {
  readonly #definition: Collection<Row, unknown, string>;
  readonly #writer: Writer;

  constructor(definition: Collection<Row, unknown, string>, writer: Writer) {
    this.#definition = definition;
    this.#writer = writer;
  }

  /**
   * Adds a row under a new id.
   * @throws {StationmasterError} BAD_USER_INPUT; CONFLICT (a unique value is taken); NOT_FOUND (a row it refers to)
   */
  async create(given: GivenValues): Promise<Row> {
    const { entity, shape } = this.#definition;
    const row = { ...this.#valuesOf(given, 'create'), id: uuidV7() };
    const stored = await this.#writer.row((em) => em.createQueryBuilder(entity).insert(row));
    return shape.fromJson(stored!) ?? this.#unreadable();
  }

  /**
   * Changes a row. Without anything to change, nothing is written.
   * @param given may have an `expectedVersion`, of which the row has to be
   * @throws {StationmasterError} BAD_USER_INPUT, CONFLICT, NOT_FOUND (the row, or one it refers to) or STALE_VERSION
   */
  async update(id: string, given: GivenValues & { readonly expectedVersion?: number | null }): Promise<Row> {
    const { entity, shape } = this.#definition;
    const values = this.#valuesOf(given, 'update');
    const { expectedVersion } = given;
    const row = await updateVersionedRow(this.#writer, { entity, id: this.#knownId(id), values, expectedVersion });
    if (!row) throw this.#notFound();
    return shape.fromJson(row) ?? this.#unreadable();
  }

  /**
   * Removes a row and returns its id. It takes a transaction of its own, because rows that refer to it change with it.
   * @throws {StationmasterError} NOT_FOUND
   */
  async delete(id: string): Promise<string> {
    const known = this.#knownId(id);
    await this.#writer.transaction(async (em) => {
      const deletion = em.createQueryBuilder(this.#definition.entity).delete({ id: known });
      const { affectedRows } = await deletion.execute('run');
      if (affectedRows === 0) throw this.#notFound();
    });
    return known;
  }

  /** The values by the names of the entity's properties. */
  #valuesOf(given: GivenValues, purpose: 'create' | 'update'): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const column of this.#definition.columns) {
      if (column.property in baseProperties) continue;
      const value = (given as Readonly<Record<string, unknown>>)[column.field];
      const isLeftOut = value === undefined || (value === null && purpose === 'create' && column.hasDefault);
      if (!isLeftOut) values[column.property] = checkedValue(column, value);
    }
    return values;
  }

  #knownId(id: string): string {
    const known = normalizeId(id);
    if (!known) throw this.#notFound();
    return known;
  }

  #unreadable(): never {
    const { table } = this.#definition;
    throw new TypeError(`A row of ${table} was written, but the table has other columns or types by now.`);
  }

  #notFound(): StationmasterError {
    return new StationmasterError('NOT_FOUND', absenceOf(this.#definition.entity), { field: 'id' });
  }
}

function checkedValue({ field, isNullable, target }: Column, value: unknown): unknown {
  if (value === null) {
    if (isNullable) return null;
    const message = `${field} cannot be null; leave it out to keep it.`;
    throw new StationmasterError('BAD_USER_INPUT', message, { field: `input.${field}` });
  }
  if (!target) return value;
  const id = normalizeId(value as string);
  if (!id) throw new StationmasterError('NOT_FOUND', absenceOf(target), { field: `input.${field}` });
  return id;
}
