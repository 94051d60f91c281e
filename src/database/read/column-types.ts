import { isIP } from 'node:net';

/** The kinds of value that a column can be read as. */
export type ValueKind = 'text' | 'uuid' | 'ip' | 'float' | 'int' | 'boolean' | 'time';

/** A column of a result, as PostgreSQL describes it (RowDescription). A domain is described as what it is made of. */
export interface ResultColumn {
  readonly name: string;
  readonly dataTypeID: number;
  /** Of a time, the digits of its seconds; -1: as many as there are. The embedded database leaves it out. */
  readonly dataTypeModifier?: number;
  /** The table it comes from; 0: none. */
  readonly tableID?: number;
}

/** How values are sent: as a `RowReader` reads their bytes, or as text, from which values of some other types can be read. */
export type RowFormat = 'binary' | 'text';

/** A column cannot be read: somebody changed its type to one that does not hold the same values. */
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

/** A cursor carries milliseconds, and has to carry a time exactly. */
const MILLISECONDS = 3;

/** The numbers of types in PostgreSQL's catalog, which are the same everywhere. */
const TYPE = {
  ...{ bool: 16, int8: 20, int2: 21, int4: 23, text: 25, float4: 700, float8: 701 },
  ...{ inet: 869, varchar: 1043, timestamptz: 1184, numeric: 1700, uuid: 2950 },
};

/** The types whose bytes a `RowReader` reads as that kind, and those that hold such values, but in other bytes. */
const TYPES: Readonly<
  Record<ValueKind, { readonly asBinary: readonly number[]; readonly asText?: readonly number[] }>
> = {
  text: { asBinary: [TYPE.text, TYPE.varchar] },
  uuid: { asBinary: [TYPE.uuid] },
  ip: { asBinary: [TYPE.inet], asText: [TYPE.text, TYPE.varchar] },
  float: { asBinary: [TYPE.float8], asText: [TYPE.float4, TYPE.numeric] },
  int: { asBinary: [TYPE.int4], asText: [TYPE.int2, TYPE.int8] },
  boolean: { asBinary: [TYPE.bool] },
  time: { asBinary: [TYPE.timestamptz] },
};

const EXPECTED: Readonly<Record<ValueKind, string>> = {
  text: 'text or character varying',
  uuid: 'uuid',
  ip: 'inet, text or character varying',
  float: 'double precision, real or numeric',
  int: 'integer, smallint or bigint',
  boolean: 'boolean',
  time: 'timestamp(3) with time zone',
};

/**
 * Whether a value, as PostgreSQL makes JSON of it, is what a column of that kind holds: `undefined` and values of other
 * types are not.
 */
export const IS_JSON_OF: Readonly<Record<ValueKind, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  uuid: (value) => typeof value === 'string',
  ip: (value) => typeof value === 'string' && isIP(value) !== 0,
  float: (value) => typeof value === 'number',
  int: Number.isSafeInteger,
  boolean: (value) => typeof value === 'boolean',
  // Without an offset it is no point in time, and with more digits no whole number of milliseconds.
  time: (value) => typeof value === 'string' && /T\d\d:\d\d:\d\d(\.\d{1,3})?[+-]\d\d:\d\d$/.test(value),
};
