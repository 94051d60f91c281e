import { type Announcement, stableJson } from '../../cache/index.ts';
import type { Change } from '../../changes/index.ts';
import { type Column, type ColumnKind, columnsOf, type Entity } from './columns.ts';
import { FilterLanguage, type FilterPart, type NormalizedFilter } from './filter-language.ts';
import type { Filter, FilterKind, NumberRange } from './filters.ts';
import { type Direction, isPageAffected, type PageRange, type Position } from './page.ts';
import type { FieldOf, Identified, PropertyOf, RecordOf } from './record.ts';
import { compileShape, type RecordShape } from './record-shape.ts';
import { type SummaryColumns, type SummaryOptions, summaryColumnsOf } from './summary.ts';
import { isTimeMs } from './times.ts';
import { isSameValue } from './values.ts';

/** What a collection is declared by. Everything else comes from the entity. */
export interface CollectionOptions<
  Declared extends Entity,
  Orders extends Readonly<Record<string, PropertyOf<Declared>>>,
  Filters extends Readonly<Record<string, Filter<PropertyOf<Declared>>>>,
> {
  readonly entity: Declared;
  /** The first word of its cache keys, and the layer of its records: `workstations`. */
  readonly key: string;
  /** The properties that lists can be ordered by, by the names that clients and cursors use. Text needs collation "C". */
  readonly orders: Orders;
  readonly defaultOrder: readonly [field: keyof Orders & string, direction: Direction];
  /** The parts of its filter, by the names that clients use. Default: it has none. */
  readonly filters?: Filters;
  /** What is summed up of the rows that fit a filter. Default: their number. */
  readonly summary?: SummaryOptions<PropertyOf<Declared>>;
  /** Properties whose values repeat, besides enums and relations; `id` where other collections refer to this one. */
  readonly interned?: readonly PropertyOf<Declared>[];
  /** What messages call a property, where its name will not do: `{ email: 'email address' }`. */
  readonly labels?: Readonly<Partial<Record<PropertyOf<Declared>, string>>>;
}

export interface ListOrder<OrderField extends string = string> {
  readonly field: OrderField;
  readonly direction: Direction;
}

/** One page of one list. */
export interface List extends PageRange {
  readonly filter: NormalizedFilter;
  readonly order: ListOrder;
  /** How many rows the page has at most. */
  readonly size: number;
}

/** A page as it is cached: who is on it, and up to where in the order it speaks for the list. */
export interface Page {
  readonly ids: readonly string[];
  /** The next row of the range beyond the page; `null` when there is none. */
  readonly next: Position | null;
}

/** A change of one row, with what it was and what it is; `null` where there is none. */
interface ChangedPair<Row> {
  readonly old: Row | null;
  readonly new: Row | null;
  /** The transaction that made it. */
  readonly xid: string | undefined;
}

/** The filter as clients write it: every part may be left out, or `null`, which is the same. */
export type FilterInput<Declared extends Entity, Filters> = {
  readonly [Name in keyof Filters]?: FilterValue<Declared, Filters[Name]> | null;
} & {
  readonly and?: readonly FilterInput<Declared, Filters>[] | null;
  readonly or?: readonly FilterInput<Declared, Filters>[] | null;
  readonly not?: FilterInput<Declared, Filters> | null;
};

type FilterValue<Declared extends Entity, Part> =
  Part extends Filter<infer Property extends PropertyOf<Declared>, infer Kind>
    ? {
        oneOf: readonly HeldIn<Declared, Property>[];
        equals: string;
        isNull: boolean;
        contains: string;
        inNetwork: readonly string[];
        hasAll: readonly string[];
        range: NumberRange;
        before: Date;
        after: Date;
      }[Kind]
    : never;

type HeldIn<Declared extends Entity, Property extends PropertyOf<Declared>> =
  FieldOf<Declared, Property> extends infer Field extends keyof RecordOf<Declared> ? RecordOf<Declared>[Field] : never;

// biome-ignore lint/suspicious/noExplicitAny: the types of two concrete collections have nothing in common
export type AnyCollection = Collection<any, any, any>;

/** On every list and count that is not restricted to the rows of one other row. */
const ANYWHERE = '*';
/** What every list and count looks at, as if it were a column. */
const EXISTENCE = 'existence';

/**
 * What is known of one table's records, without asking the database: their shape, the keys and tags under which they,
 * their lists and their counts are cached, and what a change means to all of these.
 */
export class Collection<Row extends Identified, FilterGiven, OrderField extends string> {
  readonly entity: Entity;
  readonly key: string;
  readonly table: string;
  readonly columns: readonly Column[];
  readonly shape: RecordShape<Row>;
  readonly defaultOrder: ListOrder<OrderField>;
  /** The columns that lists can be ordered by, by the names of the orders. */
  readonly orders: ReadonlyMap<string, Column>;
  readonly filters: FilterLanguage;
  readonly labels: Readonly<Record<string, string | undefined>>;
  readonly summary: SummaryColumns;
  readonly #keyPrefix: string;
  /** The fields whose change can alter some list. */
  readonly #listFields: readonly string[];
  /** The relations that lists can be restricted to one row of. */
  readonly #scopes: readonly Column[];
  /** Names the types of what clients may ask for; has no value. */
  declare readonly accepts: { readonly filter: FilterGiven; readonly order: ListOrder<OrderField> };

  constructor(options: CollectionOptions<Entity, Record<string, string>, Record<string, Filter>>) {
    const { entity, key, orders, defaultOrder, filters = {}, summary = {}, interned = [], labels = {} } = options;
    this.entity = entity;
    this.key = key;
    this.#keyPrefix = `${key}_`;
    this.table = entity.meta.tableName;
    this.columns = columnsOf(entity, interned);
    this.shape = compileShape(this.columns);
    this.labels = labels;
    const columnOf = (property: string) => this.columns.find((column) => column.property === property)!;
    this.orders = new Map(Object.entries(orders).map(([name, property]) => [name, columnOf(property)]));
    const parts = Object.entries(filters).map(([name, filter]) => ({
      name,
      filter,
      column: columnOf(filter.property),
    }));
    this.filters = new FilterLanguage(parts);
    this.#requireComparable();
    this.summary = summaryColumnsOf(this.columns, summary);
    const [field, direction] = defaultOrder;
    this.defaultOrder = { field: field as OrderField, direction };
    const used = [...this.orders.values(), ...parts.map(({ column }) => column)];
    const summed = Object.values(this.summary).flat();
    this.#listFields = [...new Set([...used, ...summed].map((column) => column.field))];
    this.#scopes = parts.filter(({ filter }) => isScope(filter)).map(({ column }) => column);
  }

  #requireComparable(): void {
    for (const [name, { kind }] of this.orders) {
      const what = UNORDERED[kind];
      if (what) throw new TypeError(`${this.key} cannot be ordered by ${name}: ${what} are not compared here.`);
    }
    for (const { name, filter, column } of this.filters.parts) {
      const kinds = COMPARABLE[filter.kind];
      if (kinds && !kinds.includes(column.kind))
        throw new TypeError(`${this.key} cannot be filtered by ${name}: it is no ${kinds.join(' or ')}.`);
    }
  }

  get listLayer(): string {
    return `${this.key}_list`;
  }

  get countLayer(): string {
    return `${this.key}_count`;
  }

  get summaryLayer(): string {
    return `${this.key}_summary`;
  }

  /** The layers of the cache that it reads through. */
  get layers(): readonly string[] {
    return [this.key, this.listLayer, this.countLayer, this.summaryLayer];
  }

  keyOf(id: string): string {
    return this.#keyPrefix + id;
  }

  /** A part that the collection offers no choice of is left out: its only order, a filter that it does not have. */
  listKey({ filter, order, size, from, after, before }: List): string {
    const ordered = this.orders.size > 1 ? `_${order.field}_${order.direction}` : '';
    const page = from === 'START' ? `_${size}` : `_last_${size}`;
    const filtered = this.#hasFilters ? `_${stableJson(filter)}` : '';
    const range = `${after ? `_${stableJson(after)}` : ''}${before ? `_before_${stableJson(before)}` : ''}`;
    return `${this.listLayer}${ordered}${page}${filtered}${range}`;
  }

  countKey(filter: NormalizedFilter): string {
    return this.#hasFilters ? `${this.countLayer}_${stableJson(filter)}` : this.countLayer;
  }

  summaryKey(filter: NormalizedFilter): string {
    return this.#hasFilters ? `${this.summaryLayer}_${stableJson(filter)}` : this.summaryLayer;
  }

  /*
   * A list is tagged with each column that its filter or order looks at, and with its existence, within the scope it is
   * restricted to: the rows of one manager, or all. So a change meets only lists that look at a column it touched: a
   * telemetry report, which changes usage and last-seen columns, meets none of the usual ones.
   */
  listTags({ filter, order }: Pick<List, 'filter' | 'order'>): string[] {
    return this.#tags(filter, [this.orders.get(order.field)!]);
  }

  countTags(filter: NormalizedFilter): string[] {
    return this.#tags(filter);
  }

  summaryTags(filter: NormalizedFilter): string[] {
    return this.#tags(filter, Object.values(this.summary).flat());
  }

  #tags(filter: NormalizedFilter, shown: readonly Column[] = []): string[] {
    const scoping = this.scopeOf(filter);
    const scope = scoping ? scopeName(scoping.column, filter[scoping.name]) : ANYWHERE;
    const fields = new Set([...shown, ...this.filters.columnsIn(filter)].map(({ field }) => field));
    return [this.#everyList, ...[EXISTENCE, ...fields].map((field) => this.#tag(scope, field))];
  }

  /** The part of the filter that restricts a list to the rows of one other row; `undefined`: none does. */
  scopeOf(filter: NormalizedFilter): FilterPart | undefined {
    return this.filters.parts.find((part) => filter[part.name] !== undefined && isScope(part.filter));
  }

  get #hasFilters(): boolean {
    return this.filters.parts.length > 0;
  }

  /** On every list and count, for changes whose content is not known. */
  get #everyList(): string {
    return this.key;
  }

  #tag(scope: string, field: string): string {
    return `${this.key} ${scope} ${field}`;
  }

  /**
   * Brings a filter into the form that lists are cached under; `null` when no row can fit it.
   * @param within restricts the list further: the values of some parts, whatever `given` says
   * @throws {StationmasterError} BAD_USER_INPUT with the field at fault
   */
  normalizeFilter(given: FilterGiven | null | undefined, within?: NormalizedFilter): NormalizedFilter | null {
    return this.filters.normalize(given, within);
  }

  positionOf({ field }: ListOrder, record: Row): Position {
    return { value: valueIn(record, this.orders.get(field)!) as Position['value'], id: record.id };
  }

  /** @param rows the rows of the page and the next one beyond it, from the end of the range at which the page lies */
  pageOf({ order, size, from }: List, rows: readonly Row[]): Page {
    const ids = rows.slice(0, size).map(({ id }) => id);
    const next = rows[size];
    return { ids: from === 'START' ? ids : ids.reverse(), next: next ? this.positionOf(order, next) : null };
  }

  /** Whether a row can have this value in the column that the order looks at. Anybody can make a cursor. */
  isOrderedValue({ field }: ListOrder, value: Position['value']): boolean {
    const { kind, values, isNullable } = this.orders.get(field)!;
    if (value === null) return isNullable;
    if (kind === 'time') return isTimeMs(value);
    if (kind === 'text') return typeof value === 'string' && (values ? values.includes(value) : isStorable(value));
    return typeof value === 'number';
  }

  /** Whether a change can alter a cached page; `page` is `undefined` while it is still being loaded. */
  isPageAffected({ filter, order, from, after, before }: List, page: Page | undefined, change: unknown): boolean {
    if (change === null) return true;
    const { old, new: now } = change as ChangedPair<Row>;
    const bounds = { direction: order.direction, from, after, before, next: page?.next ?? null };
    const placeOf = (record: Row | null) =>
      record && this.filters.matches(filter, record) ? this.positionOf(order, record) : null;
    return isPageAffected(bounds, placeOf(old), placeOf(now));
  }

  /** Whether a change can alter the number of rows that match: when exactly one of the two rows does. */
  isCountAffected(filter: NormalizedFilter, change: unknown): boolean {
    if (change === null) return true;
    const { old, new: now } = change as ChangedPair<Row>;
    const isMember = (record: Row | null) => record !== null && this.filters.matches(filter, record);
    return isMember(old) !== isMember(now);
  }

  /**
   * What a committed change of a row means to the cache.
   * @param xid the transaction that made it
   */
  announcementOf(change: Change, xid?: string): Announcement {
    const { id, op, version } = change;
    const pair = this.#changedPair(change, xid);
    // That it is gone is known even of a row that was too big to be announced.
    const record = { key: this.keyOf(id), version, value: op === 'DELETE' ? null : pair?.new };
    if (!pair) return { records: [record], tags: [this.#everyList], change: null };
    const fields = op === 'UPDATE' ? this.#listFields.filter((field) => differs(pair, field)) : [EXISTENCE];
    const tags =
      fields.length === 0
        ? []
        : this.#scopesOf(pair).flatMap((scope) => fields.map((field) => this.#tag(scope, field)));
    return { records: [record], tags, change: pair };
  }

  #scopesOf({ old, new: now }: ChangedPair<Row>): string[] {
    const scopes = new Set([ANYWHERE]);
    for (const column of this.#scopes) {
      for (const record of [old, now]) {
        const id = record && valueIn(record, column);
        if (id) scopes.add(scopeName(column, id));
      }
    }
    return [...scopes];
  }

  /** The rows before and after; `null` when they were too big to be announced, or are not as the entity has them. */
  #changedPair({ old, new: now }: Change, xid: string | undefined): ChangedPair<Row> | null {
    if (old === undefined || now === undefined) return null;
    const pair = { old: old && this.shape.fromJson(old), new: now && this.shape.fromJson(now), xid };
    return (old && !pair.old) || (now && !pair.new) ? null : pair;
  }
}

/**
 * Declares a collection: the rows of one followed table, read through the cache.
 * @throws {TypeError} when the entity has a property of a type that records do not hold
 */
export function defineCollection<
  Declared extends Entity,
  const Orders extends Readonly<Record<string, PropertyOf<Declared>>>,
  const Filters extends Readonly<Record<string, Filter<PropertyOf<Declared>>>> = Record<never, never>,
>(
  options: CollectionOptions<Declared, Orders, Filters>,
): Collection<RecordOf<Declared> & Identified, FilterInput<Declared, Filters>, keyof Orders & string> {
  return new Collection(options as unknown as ConstructorParameters<typeof Collection>[0]);
}

/** The values of `accepts.order.field` as a GraphQL enum is made of: an object whose keys and values are the names. */
export function orderFieldsOf<OrderField extends string>(
  collection: Collection<Identified, unknown, OrderField>,
): Record<OrderField, OrderField> {
  return Object.fromEntries([...collection.orders.keys()].map((name) => [name, name])) as Record<
    OrderField,
    OrderField
  >;
}

/** The kinds of column that a filter compares, where it does not take any. */
const COMPARABLE: Readonly<Partial<Record<FilterKind, readonly ColumnKind[]>>> = {
  oneOf: ['text', 'uuid'],
  contains: ['text'],
  equals: ['uuid'],
  inNetwork: ['ip'],
  range: ['float', 'int', 'bigint'],
  hasAll: ['texts'],
  before: ['time'],
  after: ['time'],
};

/** What the kinds of column hold by which no list can be ordered. */
const UNORDERED: Readonly<Partial<Record<ColumnKind, string>>> = { ip: 'addresses', texts: 'arrays' };

function isScope({ kind }: Filter): boolean {
  return kind === 'equals';
}

function scopeName({ property }: Column, id: unknown): string {
  return `${property}=${id}`;
}

function valueIn(record: object, { field }: Column): unknown {
  return (record as Readonly<Record<string, unknown>>)[field];
}

function differs({ old, new: now }: ChangedPair<object>, field: string): boolean {
  return !isSameValue((old as Record<string, unknown>)[field], (now as Record<string, unknown>)[field]);
}

/** Whether a row can hold it: PostgreSQL has no NUL in texts, and half a character would become another one on the way. */
function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
