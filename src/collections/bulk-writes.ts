import { escapeLiteral } from 'pg';
import { writeArray } from '../database/array-text.ts';
import type { Writer } from '../database/write/writer.ts';
import { StationmasterError } from '../errors.ts';
import type { Collection } from './definition/collection.ts';
import type { Identified } from './definition/record.ts';

/** What came of a write of many rows. */
export interface BulkResult {
  /** The rows that fit the filter. */
  readonly matched: number;
  /** Those of them that were not yet as they should be. */
  readonly changed: number;
  /** The first 500 of those that changed, in the order of their ids. */
  readonly ids: readonly string[];
}

/** How one column changes: its new value in SQL, of the row `t`. `bind` writes a value into the statement. */
export interface Assignment {
  readonly property: string;
  value(current: string, bind: (value: unknown) => string): string;
}

export interface BulkOptions {
  /** Answers what would change, and changes nothing. */
  readonly dryRun: boolean;
}

const MAX_IDS = 500;
const NOTHING: BulkResult = { matched: 0, changed: 0, ids: [] };

/** Changes or deletes all rows that fit a filter, in one statement. */
export class BulkWriter<FilterGiven> {
  readonly #definition: Collection<Identified, FilterGiven, string>;
  readonly #writer: Writer;

  constructor(definition: Collection<Identified, FilterGiven, string>, writer: Writer) {
    this.#definition = definition;
    this.#writer = writer;
  }

  /**
   * @param assignments at least one
   * @throws {StationmasterError} BAD_USER_INPUT for a filter that restricts nothing, and the errors of `Writer.transaction`
   */
  update(filter: FilterGiven, assignments: readonly Assignment[], options: BulkOptions): Promise<BulkResult> {
    const columnOf = ({ property }: Assignment) =>
      this.#definition.columns.find((each) => each.property === property)!.name;
    const values = assignments.map((each) => ({
      column: columnOf(each),
      value: each.value(`t.${columnOf(each)}`, writeValue),
    }));
    const differs = values.map(({ column, value }) => `t.${column} is distinct from ${value}`).join(' or ');
    const sets = values.map(({ column, value }) => `${column} = ${value}`).join(', ');
    return this.#run(
      filter,
      differs,
      `update ${this.#definition.table} t set ${sets} from changing c where t.id = c.id`,
      options,
    );
  }

  /** @throws {StationmasterError} as `update` */
  delete(filter: FilterGiven, options: BulkOptions): Promise<BulkResult> {
    return this.#run(
      filter,
      'true',
      `delete from ${this.#definition.table} t using changing c where t.id = c.id`,
      options,
    );
  }

  async #run(filter: FilterGiven, differs: string, write: string, { dryRun }: BulkOptions): Promise<BulkResult> {
    const normalized = this.#definition.normalizeFilter(filter);
    if (normalized === null) return NOTHING;
    if (Object.keys(normalized).length === 0) {
      const message = 'The filter restricts nothing. Name what is meant, if need be by several parts.';
      throw new StationmasterError('BAD_USER_INPUT', message, { field: 'filter' });
    }
    const matching = this.#definition.filters.conditions(normalized, writeValue).join(' and ');
    // Locked in the order of their ids, so that writers of many rows never wait for each other in a ring.
    const text = `
      with matching as materialized (
        select t.id, (${differs}) as differs from ${this.#definition.table} t where ${matching}
          order by t.id ${dryRun ? '' : 'for update'}
      ), changing as materialized (
        select id from matching where differs
      )${dryRun ? '' : `, written as (${write} returning t.id)`}
      select json_build_object(
        'matched', (select count(*) from matching), 'changed', (select count(*) from ${dryRun ? 'changing' : 'written'}),
        'ids', array(select id from changing order by id limit ${MAX_IDS}))::text as result`;
    return this.#writer.transaction(async (em) => {
      const [row] = await em.execute<{ result: string }[]>(text);
      return JSON.parse(row!.result) as BulkResult;
    });
  }
}

/** A value as a literal, whose type its place decides. */
function writeValue(value: unknown): string {
  if (value === null) return 'null';
  return escapeLiteral(Array.isArray(value) ? writeArray(value) : String(value));
}
