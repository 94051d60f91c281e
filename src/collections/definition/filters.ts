import { StationmasterError } from '../../errors.ts';
import { countCharacters, HALF_A_CHARACTER } from '../../text.ts';
import type { Column } from './columns.ts';
import { normalizeId } from './ids.ts';

/** The longest text a filter looks for. */
const MAX_TEXT_LENGTH = 200;

/** Said of a filter that no row can fit. */
export const MATCHES_NOTHING: unique symbol = Symbol('matches nothing');

export type FilterKind = 'oneOf' | 'equals' | 'isNull' | 'contains';

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
  /** The condition on `expression`, the qualified column. `bind` adds a value to the statement and returns its place. */
  sql(expression: string, value: unknown, bind: (value: unknown) => string): string;
  /** Whether a record with `held` in the column fits: what `sql` says of the same row. */
  matches(held: unknown, value: unknown): boolean;
}

/** Rows whose value is one of several; an empty list restricts nothing. */
export function oneOf<Property extends string>(property: Property): Filter<Property, 'oneOf'> {
  return {
    kind: 'oneOf',
    property,
    normalize: (given) => {
      const values = [...new Set(given as string[])].sort();
      return values.length > 0 ? values : undefined;
    },
    sql: (expression, value, bind) => `${expression}::text = any(${bind(value)}::text[])`,
    matches: (held, value) => (value as string[]).includes(held as string),
  };
}

/** Rows that refer to the row with this id. Lists that differ in nothing else are loaded in one statement. */
export function equals<Property extends string>(property: Property): Filter<Property, 'equals'> {
  return {
    kind: 'equals',
    property,
    normalize: (given) => normalizeId(given as string) ?? MATCHES_NOTHING,
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
    sql: (expression, value) => `${expression} is ${value ? '' : 'not '}null`,
    matches: (held, value) => (held === null) === value,
  };
}

/** Rows whose text holds this one, without regard to the case of ASCII letters; the empty text restricts nothing. */
export function contains<Property extends string>(property: Property): Filter<Property, 'contains'> {
  return {
    kind: 'contains',
    property,
    normalize: (given, _column, field) => normalizeText(given as string, field),
    sql: (expression, value, bind) =>
      `strpos(lower(${expression}::text collate "C"), lower(${bind(value)}::text collate "C")) > 0`,
    matches: (held, value) => held !== null && lowerAscii(held as string).includes(lowerAscii(value as string)),
  };
}

function normalizeText(text: string, field: string): unknown {
  if (text === '') return undefined;
  const length = countCharacters(text);
  if (length > MAX_TEXT_LENGTH) {
    const message = `The text to look for has ${length} characters; at most ${MAX_TEXT_LENGTH} are allowed.`;
    throw new StationmasterError('BAD_USER_INPUT', message, { field });
  }
  if (!text.isWellFormed()) {
    throw new StationmasterError('BAD_USER_INPUT', `The text to look for holds ${HALF_A_CHARACTER}.`, { field });
  }
  // No text in PostgreSQL holds a NUL.
  return text.includes('\0') ? MATCHES_NOTHING : text;
}

/** As PostgreSQL's lower() in the collation "C", which knows only ASCII. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
