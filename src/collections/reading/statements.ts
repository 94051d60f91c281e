import { hash } from 'node:crypto';
import type { Database } from '../../database/database.ts';
import { ColumnTypeError } from '../../database/read/column-types.ts';
import type { Cursor } from '../../database/read/cursor.ts';
import { nameTypes } from '../../database/read/name-types.ts';
import type { RowStatement } from '../../database/read/row-client.ts';
import type { RowReader } from '../../database/read/row-reader.ts';
import type { AnyCollection, List, ListOrder } from '../definition/collection.ts';
import type { Column, ColumnKind } from '../definition/columns.ts';
import type { FilterPart, NormalizedFilter } from '../definition/filter-language.ts';
import { comparePositions, type PageRange, type Position } from '../definition/page.ts';
import { limitToPage } from '../definition/page-limit.ts';
import type { Identified } from '../definition/record.ts';
import { summarySql } from './summary-sql.ts';
import type { LoadedSummary } from './summary-state.ts';

/** Another table's row that a page's statement brings along with each of its own rows. */
export interface JoinedRow {
  /** The column that refers to it. */
  readonly column: Column;
  readonly target: AnyCollection;
  /** Called for each row, in the order of the columns: the id of the other row, `null` where there is none, then the rest. */
  read(row: RowReader): void;
}

type RowsRead<Row> = Pick<RowStatement<Row>, 'kinds' | 'read'>;

/** Rows of a collection as the database has them, and how they are asked for. `t` is the table in every statement. */
export class Statements<Row extends Identified> {
  readonly #collection: AnyCollection;
  readonly #database: Database;
  readonly #columns: string;
  readonly #byId: string;

  constructor(collection: AnyCollection, database: Database) {
    this.#collection = collection;
    this.#database = database;
    this.#columns = collection.shape.selectedFrom('t');
    // The subselect hides how many ids there are. Otherwise PostgreSQL plans anew for each set of a few ids, which takes longer
    // than to find them.
    this.#byId = `select ${this.#columns} from ${collection.table} t where t.id = any((select $1::uuid[])::uuid[])`;
  }

  /** The rows with these ids that exist, in no particular order. */
  findByIds(ids: readonly string[]): Promise<Row[]> {
    return this.#find(this.#nameOf(this.#byId), this.#byId, [ids]);
  }

  /** The ids of those records that are still what was read, to the millisecond, which is as far as an announcement tells. */
  async revalidate(known: readonly Identified[]): Promise<string[]> {
    const text = `select t.id from unnest($1::uuid[], $2::bigint[], $3::float8[], $4::float8[]) known (id, version, created, updated)
      join ${this.#collection.table} t on t.id = known.id and t.row_version = known.version
        and floor(extract(epoch from t.created_at) * 1000) = floor(known.created)
        and floor(extract(epoch from t.updated_at) * 1000) = floor(known.updated)`;
    const columns = ['id', 'rowVersion', 'createdAtMs', 'updatedAtMs'] as const;
    const values = columns.map((column) => known.map((record) => record[column]));
    const rows = await this.#database.query<{ id: string }>(this.#nameOf(text), text, values);
    return rows.map(({ id }) => id);
  }

  /**
   * The rows of one page and the next one beyond it, if there is one, in the order in which they are read: from the end of
   * the range at which the page lies.
   */
  async findPage(list: List, joined: readonly JoinedRow[] = []): Promise<Row[]> {
    const { table, shape } = this.#collection;
    const values: unknown[] = [];
    const page = this.#pageClauses(list, values);
    if (joined.length === 0) {
      const text = `select ${this.#columns} from ${table} t ${page}`;
      return this.#find(this.#nameOf(text, list.filter), text, values);
    }
    const columns = joined.map(({ target }, index) => target.shape.selectedFrom(`j${index}`));
    const joins = joined.map(
      ({ target, column }, index) => `left join ${target.table} j${index} on j${index}.id = t.${column.name}`,
    );
    const text = `select ${[this.#columns, ...columns].join(', ')} from (
        select t.* from ${table} t ${page}
      ) t ${joins.join(' ')}`;
    const read = (row: RowReader) => {
      const record = shape.read(row) as Row;
      for (const each of joined) each.read(row);
      return record;
    };
    const kinds = [shape.kinds, ...joined.map(({ target }) => target.shape.kinds)].flat();
    const rows = await this.#find(this.#nameOf(text, list.filter), text, values, { kinds, read });
    return this.#inOrder(rows, list);
  }

  /**
   * A join keeps the order of the page in most plans. Sorting once more in PostgreSQL would take as long as the join, and
   * the order is the same here.
   */
  #inOrder(rows: Row[], { order, from }: List): Row[] {
    const place = (row: Row) => this.#collection.positionOf(order, row);
    const sign = from === 'START' ? 1 : -1;
    const compare = (a: Row, b: Row) => sign * comparePositions(order.direction, place(a), place(b));
    const isOrdered = rows.every((row, index) => index === 0 || compare(rows[index - 1]!, row) < 0);
    return isOrdered ? rows : rows.toSorted(compare);
  }

  /**
   * The same page for each of several values of `scope`, a part of the filter, in one statement: the pages differ in nothing
   * else. The rows of each come in the order of its page, because PostgreSQL runs a subquery with a limit once for each.
   */
  async findPageOfEach(list: List, scope: FilterPart, ids: readonly string[]): Promise<Row[][]> {
    const { table } = this.#collection;
    const { column } = scope;
    const values: unknown[] = [ids];
    const page = this.#pageClauses(withoutScope(list, scope), values, `t.${column.name} = s.id`);
    const text = `select p.* from unnest($1::uuid[]) s (id) cross join lateral (
      select ${this.#columns} from ${table} t ${page}
    ) p`;
    const idIn = (row: Row) => (row as unknown as Readonly<Record<string, string>>)[column.field]!;
    const rows = Map.groupBy(await this.#find(this.#nameOf(text, list.filter), text, values), idIn);
    return ids.map((id) => rows.get(id) ?? []);
  }

  /** How many rows match. */
  async count(filter: NormalizedFilter): Promise<number> {
    const values: unknown[] = [];
    const matching = where(this.#conditions(filter, values));
    const text = `select count(*)::int as count from ${this.#collection.table} t ${matching}`;
    const [row] = await this.#database.query<{ count: number }>(this.#nameOf(text, filter), text, values);
    return row!.count;
  }

  /** How many rows match, for each of several values of `scope`: the filters differ in nothing else. */
  async countOfEach(filter: NormalizedFilter, scope: FilterPart, ids: readonly string[]): Promise<number[]> {
    const { table } = this.#collection;
    const { name } = scope.column;
    const { [scope.name]: _each, ...rest } = filter;
    const values: unknown[] = [ids];
    const matching = where([`t.${name} = any($1::uuid[])`, ...this.#conditions(rest, values)]);
    const text = `select t.${name} as id, count(*)::int as count from ${table} t ${matching} group by 1`;
    const rows = await this.#database.query<{ id: string; count: number }>(this.#nameOf(text, filter), text, values);
    const counts = new Map(rows.map(({ id, count }) => [id, count]));
    return ids.map((id) => counts.get(id) ?? 0);
  }

  /** All rows that match, one JSON object each, read by a cursor. */
  openCursor(filter: NormalizedFilter, order: ListOrder): Promise<Cursor<{ readonly row: string }>> {
    const values: unknown[] = [];
    const matching = where(this.#conditions(filter, values));
    const text = `select row_to_json(t)::text as row from ${this.#collection.table} t ${matching} ${this.#orderBy(order)}`;
    return this.#database.openCursor(text, values);
  }

  /** The figures of the rows that match, in one statement, with its snapshot. */
  async summarize(filter: NormalizedFilter): Promise<LoadedSummary> {
    const values: unknown[] = [];
    const matching = where(this.#conditions(filter, values));
    const { table, summary } = this.#collection;
    const text = summarySql(summary, `from ${table} t ${matching}`);
    const [row] = await this.#database.query<{ summary: string }>(this.#nameOf(text, filter), text, values);
    return JSON.parse(row!.summary);
  }

  #pageClauses({ filter, order, size, from, after, before }: List, values: unknown[], scope?: string): string {
    const matching = this.#conditions(filter, values);
    if (scope) matching.unshift(scope);
    if (after) matching.push(this.#beside('after', after, order, values));
    if (before) matching.push(this.#beside('before', before, order, values));
    return `${where(matching)} ${this.#orderBy(order, from)} ${limitToPage(size, values)}`;
  }

  #conditions(filter: NormalizedFilter, values: unknown[]): string[] {
    const bind = (value: unknown) => `$${values.push(value)}`;
    return this.#collection.filters.conditions(filter, bind);
  }

  /** Nulls come last in either direction, and so first when the list is read from its end. */
  #orderBy({ field, direction }: ListOrder, from: PageRange['from'] = 'START'): string {
    const column = this.#collection.orders.get(field)!;
    const read = from === 'START' ? direction : OPPOSITE[direction];
    // Said only where it differs from PostgreSQL's default, which the indexes have.
    const nulls = column.isNullable && direction === 'DESC' ? `nulls ${from === 'START' ? 'last' : 'first'}` : '';
    return `order by ${ordered(column)} ${read} ${nulls}, t.id ${read}`;
  }

  /**
   * The rows after or before a position (keyset paging): its value and id are compared as a pair, and nulls come last. Of a
   * pair with a null PostgreSQL says neither.
   */
  #beside(
    side: 'after' | 'before',
    { value, id }: Position,
    { field, direction }: ListOrder,
    values: unknown[],
  ): string {
    const column = this.#collection.orders.get(field)!;
    const { name, kind, isNullable } = column;
    const comparison = (side === 'after') === (direction === 'ASC') ? '>' : '<';
    if (value === null) {
      const rows = `(t.${name} is null and t.id ${comparison} $${values.push(id)}::uuid)`;
      return side === 'before' ? `(${rows} or t.${name} is not null)` : rows;
    }
    const at = `$${values.push(kind === 'time' ? new Date(value).toISOString() : value)}${POSITION_TYPES[kind] ?? ''}`;
    const rows = `(${ordered(column)}, t.id) ${comparison} (${at}, $${values.push(id)}::uuid)`;
    return isNullable && side === 'after' ? `(${rows} or t.${name} is null)` : rows;
  }

  async #find(
    name: string,
    text: string,
    values: readonly unknown[],
    as: RowsRead<Row> = this.#asRecords,
  ): Promise<Row[]> {
    try {
      return await this.#database.readRows<Row>({ name, text, values, ...as });
    } catch (error) {
      throw error instanceof ColumnTypeError ? await nameTypes(error, this.#database) : error;
    }
  }

  get #asRecords(): RowsRead<Row> {
    const { shape } = this.#collection;
    return { kinds: shape.kinds, read: (row) => shape.read(row) as Row };
  }

  /**
   * A name made from the text, so that each shape of statement is prepared once on each connection, which keeps them all.
   * A statement that is planned for its values each time has no name.
   */
  #nameOf(text: string, filter: NormalizedFilter = {}): string {
    const known = NAMES.get(text);
    if (known !== undefined) return known;
    if (!this.#collection.filters.isPreparable(filter) || NAMES.size >= MAX_NAMES) return '';
    const name = `${this.#collection.key}-${hash('sha1', text, 'base64url').slice(0, 16)}`;
    NAMES.set(text, name);
    return name;
  }
}

/** By the texts, which hold no values but the usual page sizes. */
const NAMES = new Map<string, string>();
/** Bounds what connections keep. Shapes of lists that come later are parsed each time, as far as the cache lets them. */
const MAX_NAMES = 1000;

const OPPOSITE = { ASC: 'DESC', DESC: 'ASC' } as const;

/** Text as pages are compared, whatever the column's own collation. Where it is the same, this changes nothing. */
function ordered({ name, kind }: Column): string {
  return kind === 'text' ? `t.${name}::text collate "C"` : `t.${name}`;
}

/** Of numbers the column's own type is the right one: only there is what was read of a `real` equal to it. */
const POSITION_TYPES: Readonly<Partial<Record<ColumnKind, string>>> = { text: '::text', time: '::timestamptz' };

function where(matching: readonly string[]): string {
  return matching.length === 0 ? '' : `where ${matching.join(' and ')}`;
}

function withoutScope(list: List, scope: FilterPart): List {
  const { [scope.name]: _each, ...filter } = list.filter;
  return { ...list, filter };
}
