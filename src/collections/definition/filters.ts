import { StationmasterError } from '../../errors.ts';
import { countCharacters, HALF_A_CHARACTER } from '../../text.ts';
import type { Column } from './columns.ts';
import { normalizeId } from './ids.ts';
import { isInNetworks, type Network, parseNetwork, writeNetwork } from './networks.ts';
import { isTimeMs } from './times.ts';

/** The longest text a filter looks for. */
const MAX_TEXT_LENGTH = 200;

/** The most values that one part names. */
const MAX_VALUES = 500;

/** Said of a filter that no row can fit. */
export const MATCHES_NOTHING: unique symbol = Symbol('matches nothing');

export type FilterKind =
  | 'oneOf'
  | 'equals'
  | 'isNull'
  | 'contains'
  | 'inNetwork'
  | 'hasAll'
  | 'range'
  | 'before'
  | 'after';

/** The numbers a range allows. A missing bound is none. */
export interface NumberRange {
  readonly gte?: number | null;
  readonly gt?: number | null;
  readonly lte?: number | null;
  readonly lt?: number | null;
}

/**
 * One part of a collection's filter, defined once for everything that has to agree on it: the SQL that lists rows, the
 * predicate that tells whether a change concerns a cached list, and the column under which that list is tagged. Values
 * are JSON-safe, because they are part of cache keys.
 */
export interface Filter<Property extends string = string, Kind extends FilterKind = FilterKind> {
  readonly kind: Kind;
  /** The entity's property that it looks at. */
  readonly property: Property;
  /**
   * The value in the one form that equal filters share; `undefined` when it restricts nothing.
   * @throws {StationmasterError} BAD_USER_INPUT with the field at fault
   */
  normalize(given: unknown, column: Column, field: string): unknown;
  /**
   * The one value that restricts as much as both do together; `MATCHES_NOTHING` when no row fits both. Left out where two
   * values have no such form.
   */
  both?(one: unknown, other: unknown): unknown;
  /**
   * The condition on `expression`, the qualified column. `bind` adds a value to the statement and returns its place. It may
   * be null instead of false for a row without a value.
   */
  sql(expression: string, value: unknown, bind: (value: unknown) => string, column: Column): string;
  /** Whether a record with `held` in the column fits: what `sql` says of the same row. */
  matches(held: unknown, value: unknown): boolean;
}

/** Rows whose value is one of several; an empty list restricts nothing. */
export function oneOf<Property extends string>(property: Property): Filter<Property, 'oneOf'> {
  return {
    kind: 'oneOf',
    property,
    normalize: (given, column, field) => {
      const texts = given as readonly string[];
      requireFew(texts, field);
      if (texts.length === 0) return undefined;
      const asHeld = (text: string, index: number) =>
        column.kind === 'uuid' ? normalizeId(text) : column.values ? text : storable(text, `${field}[${index}]`);
      return oneOfThese(texts.map(asHeld).filter((text) => text !== null));
    },
    both: (one, other) => oneOfThese((one as string[]).filter((value) => (other as string[]).includes(value))),
    sql: (expression, value, bind, { kind }) =>
      kind === 'uuid'
        ? `${expression} = any(${bind(value)}::uuid[])`
        : `${expression}::text collate "C" = any(${bind(value)}::text[])`,
    matches: (held, value) => (value as string[]).includes(held as string),
  };
}

/** Rows that refer to the row with this id. Lists that differ in nothing else are loaded in one statement. */
export function equals<Property extends string>(property: Property): Filter<Property, 'equals'> {
  return {
    kind: 'equals',
    property,
    normalize: (given) => normalizeId(given as string) ?? MATCHES_NOTHING,
    both: () => MATCHES_NOTHING,
    sql: (expression, value, bind) => `${expression} = ${bind(value)}::uuid`,
    matches: (held, value) => held === value,
  };
}

/** `true`: rows without a value; `false`: rows with one. */
export function isNull<Property extends string>(property: Property): Filter<Property, 'isNull'> {
  return {
    kind: 'isNull',
    property,
    normalize: (given) => given,
    both: () => MATCHES_NOTHING,
    sql: (expression, value) => `${expression} is ${value ? '' : 'not '}null`,
    matches: (held, value) => (held === null) === value,
  };
}

/** Rows whose text holds this one, without regard to the case of ASCII letters; the empty text restricts nothing. */
export function contains<Property extends string>(property: Property): Filter<Property, 'contains'> {
  return {
    kind: 'contains',
    property,
    normalize: (given, _column, field) => {
      const text = given as string;
      return text === '' ? undefined : (storable(lowerAscii(text), field) ?? MATCHES_NOTHING);
    },
    // The expression of the trigram index, and a pattern without a function around it: otherwise the index would not serve.
    sql: (expression, value, bind) =>
      `lower(${expression}::text collate "C") like ${bind(`%${(value as string).replace(/[\\%_]/g, '\\$&')}%`)}`,
    matches: (held, value) => held !== null && lowerAscii(held as string).includes(value as string),
  };
}

/** Rows whose address is in one of these networks; an empty list restricts nothing. */
export function inNetwork<Property extends string>(property: Property): Filter<Property, 'inNetwork'> {
  return {
    kind: 'inNetwork',
    property,
    normalize: (given, _column, field) => {
      const texts = given as readonly string[];
      requireFew(texts, field);
      const written = texts.map((text, index) => writeNetwork(networkOf(text, `${field}[${index}]`)));
      return written.length === 0 ? undefined : sortedSet(written);
    },
    sql: (expression, value, bind) => `${expression}::inet <<= any(${bind(value)}::text[]::inet[])`,
    matches: (held, value) => held !== null && isInNetworks(held as string, networksOf(value as readonly string[])),
  };
}

/** Rows whose list has each of these texts; an empty list restricts nothing. */
export function hasAll<Property extends string>(property: Property): Filter<Property, 'hasAll'> {
  return {
    kind: 'hasAll',
    property,
    normalize: (given, _column, field) => {
      requireFew(given as readonly string[], field);
      const texts = (given as readonly string[]).map((text, index) => storable(text, `${field}[${index}]`));
      if (texts.includes(null)) return MATCHES_NOTHING;
      return texts.length === 0 ? undefined : sortedSet(texts as string[]);
    },
    both: (one, other) => sortedSet([...(one as string[]), ...(other as string[])]),
    sql: (expression, value, bind) => `${expression}::text[] @> ${bind(value)}::text[]`,
    matches: (held, value) => held !== null && (value as string[]).every((text) => (held as string[]).includes(text)),
  };
}

/** Rows whose number is within these bounds. A range without bounds restricts nothing. */
export function range<Property extends string>(property: Property): Filter<Property, 'range'> {
  return {
    kind: 'range',
    property,
    normalize: (given, _column, field) => {
      const bounds = COMPARISONS.flatMap(({ name }) => {
        const bound = (given as NumberRange)[name] ?? null;
        if (bound === null) return [];
        if (!Number.isFinite(bound)) throw refusal(`A bound is a finite number; got ${bound}.`, `${field}.${name}`);
        return [[name, bound]];
      });
      return bounds.length === 0 ? undefined : Object.fromEntries(bounds);
    },
    // No cast: compared in the column's own type, a `real` equals what was read of it.
    sql: (expression, value, bind) => {
      const bounds = value as NumberRange;
      const given = COMPARISONS.filter(({ name }) => bounds[name] !== undefined);
      return given.map(({ name, operator }) => `${expression} ${operator} ${bind(bounds[name])}`).join(' and ');
    },
    matches: (held, value) => {
      const bounds = value as NumberRange;
      if (held === null) return false;
      return COMPARISONS.every(({ name, fits }) => bounds[name] == null || fits(held as number, bounds[name]));
    },
  };
}

const COMPARISONS = [
  { name: 'gte', operator: '>=', fits: (held: number, bound: number) => held >= bound },
  { name: 'gt', operator: '>', fits: (held: number, bound: number) => held > bound },
  { name: 'lte', operator: '<=', fits: (held: number, bound: number) => held <= bound },
  { name: 'lt', operator: '<', fits: (held: number, bound: number) => held < bound },
] as const;

/** Rows whose time is earlier than this. */
export function before<Property extends string>(property: Property): Filter<Property, 'before'> {
  return comparingTime(property, 'before', '<', (held, value) => held < value, Math.min);
}

/** Rows whose time is later than this. */
export function after<Property extends string>(property: Property): Filter<Property, 'after'> {
  return comparingTime(property, 'after', '>', (held, value) => held > value, Math.max);
}

function comparingTime<Property extends string, Kind extends 'before' | 'after'>(
  property: Property,
  kind: Kind,
  operator: string,
  fits: (held: number, value: number) => boolean,
  narrower: (one: number, other: number) => number,
): Filter<Property, Kind> {
  return {
    kind,
    property,
    normalize: (given, _column, field) => {
      const timeMs = (given as Date).getTime();
      if (!isTimeMs(timeMs)) throw refusal('The time is not within the years 1 to 9999.', field);
      return timeMs;
    },
    both: (one, other) => narrower(one as number, other as number),
    sql: (expression, value, bind) =>
      `${expression} ${operator} ${bind(new Date(value as number).toISOString())}::timestamptz`,
    matches: (held, value) => held !== null && fits(held as number, value as number),
  };
}

function requireFew(values: readonly unknown[], field: string): void {
  if (values.length <= MAX_VALUES) return;
  throw refusal(`At most ${MAX_VALUES} values are allowed; there are ${values.length}.`, field);
}

function oneOfThese(values: readonly string[]): unknown {
  return values.length > 0 ? sortedSet(values) : MATCHES_NOTHING;
}

function sortedSet(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}

/** The text, or `null` when no column can hold it. */
function storable(text: string, field: string): string | null {
  const length = countCharacters(text);
  if (length > MAX_TEXT_LENGTH) {
    throw refusal(`The text to look for has ${length} characters; at most ${MAX_TEXT_LENGTH} are allowed.`, field);
  }
  if (!text.isWellFormed()) throw refusal(`The text to look for holds ${HALF_A_CHARACTER}.`, field);
  // No text in PostgreSQL holds a NUL.
  return text.includes('\0') ? null : text;
}

/** As PostgreSQL's lower() in the collation "C", which knows only ASCII. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function refusal(message: string, field: string): StationmasterError {
  return new StationmasterError('BAD_USER_INPUT', message, { field });
}

function networkOf(text: string, field: string): Network {
  const parsed = parseNetwork(text);
  if (!parsed) throw refusal('This is not a network. A network looks like 10.0.0.0/8 or 2001:db8::/32.', field);
  if (parsed.hasHostBits) {
    const message = `${text} is an address within a network. The network is ${writeNetwork(parsed)}.`;
    throw refusal(message, field);
  }
  return parsed;
}

/** Parsed once for each filter, which meets many rows. */
const NETWORKS = new WeakMap<readonly string[], readonly Network[]>();

function networksOf(texts: readonly string[]): readonly Network[] {
  let networks = NETWORKS.get(texts);
  if (!networks) {
    networks = texts.map((text) => parseNetwork(text)!);
    NETWORKS.set(texts, networks);
  }
  return networks;
}
