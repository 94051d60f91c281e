import { stableJson } from '../../cache/index.ts';
import { StationmasterError } from '../../errors.ts';
import type { Column } from './columns.ts';
import { type Filter, type FilterKind, MATCHES_NOTHING } from './filters.ts';

/** The most conditions in one filter; a filter within it that has none counts as one. */
const MAX_PARTS = 50;
/** The most filters within each other, the outermost included. */
const MAX_LEVELS = 5;

/**
 * A filter in the one form that lists are cached under: the parts that restrict something, and-ed, in no particular order.
 * `or` holds the alternatives, at least two; `not` what no row may fit; `and` what is left when several parts have one name,
 * each in a filter of its own. All lists are sorted.
 */
export type NormalizedFilter = Readonly<Record<string, unknown>>;

/** One part of a collection's filter, by the name that clients use. */
export interface FilterPart {
  readonly name: string;
  readonly filter: Filter;
  readonly column: Column;
}

/** What clients write; every part may be left out, or `null`, which is the same. */
interface GivenFilter {
  readonly and?: readonly GivenFilter[] | null;
  readonly or?: readonly GivenFilter[] | null;
  readonly not?: GivenFilter | null;
  readonly [name: string]: unknown;
}

/** One of several things that a filter asks for: the name and value of a part, of `or` or of `not`. */
type Clause = readonly [name: string, value: unknown];

const COMBINING = new Set(['and', 'or', 'not']);

/** The filters for which one plan is good whatever the value: a row has few others that refer to it, or the value is in the text. */
const PLANNED_ONCE: ReadonlySet<FilterKind> = new Set(['equals', 'isNull']);

/**
 * The filters of a collection: trees of its parts. Logic has two values: a row without a value does not fit a part, and so it
 * fits the negation.
 */
export class FilterLanguage {
  /** In the order of their declaration. */
  readonly parts: readonly FilterPart[];
  readonly #byName: ReadonlyMap<string, FilterPart>;

  /** @throws {TypeError} when a part has the name of an operator */
  constructor(parts: readonly FilterPart[]) {
    this.parts = parts;
    this.#byName = new Map(parts.map((part) => [part.name, part]));
    const reserved = parts.find(({ name }) => COMBINING.has(name));
    if (reserved) throw new TypeError(`A part of a filter cannot be called ${reserved.name}.`);
  }

  /**
   * Brings a filter into the form that lists are cached under; `null` when no row can fit it.
   * @param within restricts the list further: the values of some parts, whatever `given` says
   * @throws {StationmasterError} BAD_USER_INPUT with the field at fault
   * @throws {TypeError} when `within` names a part that there is not: nothing would be restricted
   */
  normalize(given: unknown, within: NormalizedFilter = {}): NormalizedFilter | null {
    const unknown = Object.keys(within).find((name) => !this.#byName.has(name));
    if (unknown !== undefined)
      throw new TypeError(`A list cannot be restricted by ${unknown}, which no filter is called.`);
    const clauses = given == null ? [] : new Normalization(this).clausesOf(given as GivenFilter, 'filter', 1);
    return this.allOf([...clauses, ...Object.entries(within)]);
  }

  /** What fits all of these; `null`: nothing does. */
  allOf(clauses: readonly Clause[]): NormalizedFilter | null {
    const filter: Record<string, unknown> = {};
    const others: NormalizedFilter[] = [];
    for (const [name, alike] of Map.groupBy(clauses, ([name]) => name)) {
      const values = this.#withoutRepeats(
        name,
        alike.map(([, value]) => value),
      );
      if (values.includes(MATCHES_NOTHING)) return null;
      const [first, ...more] = values;
      filter[name] = first;
      others.push(...more.map((value) => ({ [name]: value })));
    }
    if (others.length > 0) filter.and = sortedSet(others);
    return this.#withoutImplied(filter);
  }

  #withoutRepeats(name: string, values: readonly unknown[]): readonly unknown[] {
    if (values.length < 2 || values.includes(MATCHES_NOTHING)) return values;
    const different = sortedSet(values);
    const both = this.#byName.get(name)?.filter.both;
    return both && different.length > 1 ? [different.reduce(orNothing(both))] : different;
  }

  /** A row that refers to a given one has a value there: to ask for one as well restricts nothing, for none, everything. */
  #withoutImplied(filter: Record<string, unknown>): NormalizedFilter | null {
    for (const { name, filter: part, column } of this.parts) {
      if (part.kind !== 'isNull' || filter[name] === undefined) continue;
      const isGiven = this.parts.some(
        (other) => other.column === column && other.filter.kind === 'equals' && filter[other.name] !== undefined,
      );
      if (!isGiven) continue;
      if (filter[name] === true) return null;
      delete filter[name];
    }
    return filter;
  }

  /** Whether the filter accepts the record: the same answer as its SQL gives. */
  matches(filter: NormalizedFilter, record: object): boolean {
    for (const name in filter) {
      if (!this.#fits(name, filter[name], record)) return false;
    }
    return true;
  }

  #fits(name: string, value: unknown, record: object): boolean {
    const part = this.#byName.get(name);
    if (part) return part.filter.matches((record as Readonly<Record<string, unknown>>)[part.column.field], value);
    if (name === 'not') return !this.matches(value as NormalizedFilter, record);
    const filters = value as readonly NormalizedFilter[];
    return name === 'and'
      ? filters.every((filter) => this.matches(filter, record))
      : filters.some((filter) => this.matches(filter, record));
  }

  /**
   * The same as SQL: conditions that all have to be true, on the table `t`. In the order of the declaration, so that equal
   * filters make equal texts. A condition may be null instead of false, which `and` and `or` treat alike.
   */
  conditions(filter: NormalizedFilter, bind: (value: unknown) => string): string[] {
    const conditions: string[] = [];
    for (const { name, filter: part, column } of this.parts) {
      if (filter[name] !== undefined) conditions.push(part.sql(`t.${column.name}`, filter[name], bind, column));
    }
    for (const each of filtersIn(filter.and)) conditions.push(...this.conditions(each, bind));
    const group = (each: NormalizedFilter) => `(${this.conditions(each, bind).join(' and ')})`;
    if (filter.or) conditions.push(`(${filtersIn(filter.or).map(group).join(' or ')})`);
    if (filter.not) conditions.push(`${group(filter.not as NormalizedFilter)} is not true`);
    return conditions;
  }

  /** The columns it looks at. */
  columnsIn(filter: NormalizedFilter): ReadonlySet<Column> {
    const columns = new Set<Column>();
    this.#collectColumns(filter, columns);
    return columns;
  }

  /**
   * Whether a statement with this filter can be prepared once for all values. PostgreSQL would take a plan for any value
   * as soon as it looks cheap, and read the table in order for a value that no row has. Of filters that combine others
   * there is no end of shapes besides.
   */
  isPreparable(filter: NormalizedFilter): boolean {
    return Object.keys(filter).every((name) => {
      const part = this.#byName.get(name);
      return filter[name] === undefined || (part !== undefined && PLANNED_ONCE.has(part.filter.kind));
    });
  }

  #collectColumns(filter: NormalizedFilter, columns: Set<Column>): void {
    for (const { name, column } of this.parts) if (filter[name] !== undefined) columns.add(column);
    for (const each of filtersWithin(filter)) this.#collectColumns(each, columns);
  }
}

/** One filter on its way into the normal form, with the count of its parts. */
class Normalization {
  readonly #language: FilterLanguage;
  #parts = 0;

  constructor(language: FilterLanguage) {
    this.#language = language;
  }

  /** What the filter asks for. Parts that no row fits are among them, so that everything is checked all the same. */
  clausesOf(given: GivenFilter, field: string, level: number): Clause[] {
    if (level > MAX_LEVELS) throw excess(`The filter has more than ${MAX_LEVELS} levels.`, field);
    const clauses: Clause[] = [];
    const partsBefore = this.#parts;
    for (const { name, filter, column } of this.#language.parts) {
      const value = given[name];
      if (value == null) continue;
      this.#count(field);
      const normalized = filter.normalize(value, column, `${field}.${name}`);
      if (normalized !== undefined) clauses.push([name, normalized]);
    }
    const { and, or, not } = given;
    and?.forEach((each, index) => {
      clauses.push(...this.clausesOf(each, `${field}.and[${index}]`, level + 1));
    });
    const allOf = (each: GivenFilter, place: string) =>
      this.#language.allOf(this.clausesOf(each, `${field}.${place}`, level + 1));
    if (or && or.length > 0) clauses.push(...anyOf(or.map((each, index) => allOf(each, `or[${index}]`))));
    if (not) clauses.push(...noneOf(allOf(not, 'not')));
    if (this.#parts === partsBefore) this.#count(field);
    return clauses;
  }

  #count(field: string): void {
    if (++this.#parts > MAX_PARTS) throw excess(`The filter has more than ${MAX_PARTS} parts.`, field);
  }
}

function anyOf(filters: readonly (NormalizedFilter | null)[]): Clause[] {
  const possible = filters.filter((filter) => filter !== null);
  if (possible.some(isEmpty)) return [];
  const flat = possible.flatMap((filter) => (isOnly(filter, 'or') ? filtersIn(filter.or) : [filter]));
  const different = sortedSet(flat);
  if (different.length > 1) return [['or', different]];
  return different.length === 1 ? clausesIn(different[0]!) : [['or', MATCHES_NOTHING]];
}

function noneOf(filter: NormalizedFilter | null): Clause[] {
  if (filter === null) return [];
  if (isEmpty(filter)) return [['not', MATCHES_NOTHING]];
  return isOnly(filter, 'not') ? clausesIn(filter.not as NormalizedFilter) : [['not', filter]];
}

function clausesIn({ and, ...filter }: NormalizedFilter): Clause[] {
  return [...Object.entries(filter), ...filtersIn(and).flatMap(clausesIn)];
}

function filtersIn(list: unknown): readonly NormalizedFilter[] {
  return (list ?? []) as readonly NormalizedFilter[];
}

function filtersWithin({ and, or, not }: NormalizedFilter): readonly NormalizedFilter[] {
  return [...filtersIn(and), ...filtersIn(or), ...(not ? [not as NormalizedFilter] : [])];
}

function isEmpty(filter: NormalizedFilter): boolean {
  return Object.keys(filter).length === 0;
}

function isOnly(filter: NormalizedFilter, name: string): boolean {
  return Object.keys(filter).length === 1 && filter[name] !== undefined;
}

/** Without repeats and in the order of their JSON. */
function sortedSet<Value>(values: readonly Value[]): Value[] {
  const byJson = new Map(values.map((value) => [stableJson(value), value]));
  return [...byJson].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, value]) => value);
}

function orNothing(both: (one: unknown, other: unknown) => unknown) {
  return (one: unknown, other: unknown) => (one === MATCHES_NOTHING ? one : both(one, other));
}

function excess(message: string, field: string): StationmasterError {
  return new StationmasterError('BAD_USER_INPUT', message, { field });
}
