import { isIP } from 'node:net';

/** The kinds of value that a column can be read as. */
export type ValueKind = 'text' | 'uuid' | 'ip' | 'float' | 'int' | 'bigint' | 'boolean' | 'time' | 'texts';

/** A column of a result, from PostgreSQL's RowDescription. A domain is described as its base type. */
export interface ResultColumn {
  readonly name: string;
  readonly dataTypeID: number;
  /** For a time, the fractional digits of its seconds; -1: unlimited. Missing on the embedded database. */
  readonly dataTypeModifier?: number;
  /** The table it comes from; 0: none. */
  readonly tableID?: number;
}

/** How values are sent: in the binary format that `MessageRow` decodes, or as text, which works for some other types. */
export type RowFormat = 'binary' | 'text';

/** A column cannot be read, because its type was changed to one with other values. */
export class ColumnTypeError extends Error {
  override readonly name = 'ColumnTypeError';
  readonly column: ResultColumn;
  readonly kind: ValueKind;

  /** @param type what the column is, in words */
  constructor(column: ResultColumn, kind: ValueKind, type = `the type with the number ${column.dataTypeID}`) {
    super(`The column "${column.name}" is ${type}. It has to be ${EXPECTED[kind]}.`);
    this.column = column;
    this.kind = kind;
  }
}

/**
 * Decides how to read rows with these columns.
 * @param kinds what each column is read as
 * @throws {ColumnTypeError} when one of them holds other values than those
 */
export function formatOf(kinds: readonly ValueKind[], columns: readonly ResultColumn[]): RowFormat {
  let format: RowFormat = 'binary';
  columns.forEach((column, index) => {
    const kind = kinds[index]!;
    const { asBinary, asText = [] } = TYPES[kind];
    if (kind === 'time' && (column.dataTypeModifier ?? MILLISECONDS) !== MILLISECONDS) {
      throw new ColumnTypeError(column, kind);
    }
    if (asBinary.includes(column.dataTypeID)) return;
    if (!asText.includes(column.dataTypeID)) throw new ColumnTypeError(column, kind);
    format = 'text';
  });
  return format;
}

/** Cursors must carry times exactly, and they carry milliseconds. */
const MILLISECONDS = 3;

/** The OIDs of built-in types, which are the same on every PostgreSQL. */
const TYPE = {
  ...{ bool: 16, int8: 20, int2: 21, int4: 23, text: 25, float4: 700, float8: 701 },
  ...{ inet: 869, varchar: 1043, timestamptz: 1184, numeric: 1700, uuid: 2950 },
  ...{ textArray: 1009, varcharArray: 1015 },
};

/** By kind: the types that are decoded from binary format, and those that hold the same values but are read as text. */
const TYPES: Readonly<
  Record<ValueKind, { readonly asBinary: readonly number[]; readonly asText?: readonly number[] }>
> = {
  text: { asBinary: [TYPE.text, TYPE.varchar] },
  uuid: { asBinary: [TYPE.uuid] },
  ip: { asBinary: [TYPE.inet], asText: [TYPE.text, TYPE.varchar] },
  float: { asBinary: [TYPE.float8], asText: [TYPE.float4, TYPE.numeric] },
  int: { asBinary: [TYPE.int4], asText: [TYPE.int2, TYPE.int8] },
  bigint: { asBinary: [TYPE.int8], asText: [TYPE.int2, TYPE.int4] },
  boolean: { asBinary: [TYPE.bool] },
  time: { asBinary: [TYPE.timestamptz] },
  texts: { asBinary: [TYPE.textArray, TYPE.varcharArray] },
};

const EXPECTED: Readonly<Record<ValueKind, string>> = {
  text: 'text or character varying',
  uuid: 'uuid',
  ip: 'inet, text or character varying',
  float: 'double precision, real or numeric',
  int: 'integer, smallint or bigint',
  bigint: 'integer, smallint or bigint',
  boolean: 'boolean',
  time: 'timestamp(3) with time zone',
  texts: 'text[] or character varying[]',
};

/**
 * Whether a value in PostgreSQL's JSON form fits a column of that kind. `undefined` and values of other types do not.
 */
export const IS_JSON_OF: Readonly<Record<ValueKind, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  uuid: (value) => typeof value === 'string',
  ip: (value) => typeof value === 'string' && isIP(value) !== 0,
  float: (value) => typeof value === 'number',
  int: Number.isSafeInteger,
  bigint: Number.isSafeInteger,
  boolean: (value) => typeof value === 'boolean',
  // Without an offset it is not a point in time; with more than three digits it is not a whole number of milliseconds.
  time: (value) => typeof value === 'string' && /T\d\d:\d\d:\d\d(\.\d{1,3})?[+-]\d\d:\d\d$/.test(value),
  texts: (value) => Array.isArray(value) && value.every((text) => typeof text === 'string'),
};
