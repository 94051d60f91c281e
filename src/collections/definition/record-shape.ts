import { flatObjectBytes } from '../../cache/index.ts';
import { IS_JSON_OF } from '../../database/read/column-types.ts';
import type { RowReader } from '../../database/read/row-reader.ts';
import type { Column, ColumnKind } from './columns.ts';
import type { Identified } from './record.ts';

/** A row by the names of its columns, its values as PostgreSQL makes JSON of them: in an announcement, or from a `Writer`. */
export type JsonRow = Readonly<Record<string, unknown>>;

/**
 * How rows of one table become records: three functions, each generated from the columns with every field in one object
 * literal, so that V8 knows the shape of a record before it is made, and all records of a collection share one.
 */
export interface RecordShape<Row extends Identified> {
  /** The columns in the order in which `read` takes them, each qualified by the table's alias. The id comes first. */
  selectedFrom(alias: string): string;
  /** What each of these columns is read as. */
  readonly kinds: readonly ColumnKind[];
  /**
   * Reads the record in columns that were selected as `selectedFrom` says.
   * @param id when the first column, the id, has been read already
   */
  read(row: RowReader, id?: string): Row;
  /** The columns that follow the id. */
  readonly columnsBehindId: number;
  /** `null` when a column is missing, or its value not of its kind: somebody has changed the table. */
  fromJson(row: JsonRow): Row | null;
  /** The size of a record in memory, approximately, in bytes: what the cache would measure. */
  bytes(record: Row): number;
  /** Another text whenever records have other fields, or take them from other columns. */
  readonly fingerprint: string;
}

/** Generates the readers of a table's rows. Only names of an entity's properties and columns become code. */
export function compileShape<Row extends Identified>(columns: readonly Column[]): RecordShape<Row> {
  const ordered = inReadingOrder(columns);
  const fields = (writeValue: (column: Column) => string) =>
    ordered.map((column) => `${JSON.stringify(column.field)}: ${writeValue(column)}`).join(', ');
  const [id] = ordered;
  const read = `(row, id = ${readerCall(id!)}) =>
    Object.freeze({ ${fields((column) => (column === id ? 'id' : readerCall(column)))} })`;
  const fromJsonRow = evaluate<(row: JsonRow) => Row>(`(row) => ({ ${fields(fromJson)} })`);
  return {
    selectedFrom: (alias) => ordered.map(({ name }) => `${alias}.${name}`).join(', '),
    kinds: ordered.map(({ kind }) => kind),
    columnsBehindId: ordered.length - 1,
    read: evaluate(read),
    fromJson: (row) => (ordered.every((column) => isJsonOf(column, row[column.name])) ? fromJsonRow(row) : null),
    bytes: evaluate(`(record) => ${measure(ordered)}`),
    fingerprint: ordered.map(({ field, name, kind }) => `${field} ${name} ${kind}`).join(),
  };
}

/** The id, then what has a fixed size, then texts, last those that `text()` reads: it keeps the rest of its row in memory. */
function inReadingOrder(columns: readonly Column[]): readonly Column[] {
  const rank = ({ property, kind, isInterned }: Column) => {
    if (property === 'id') return 0;
    if (kind !== 'text') return STRING_KINDS.has(kind) ? 2 : 1;
    return isInterned ? 3 : 4;
  };
  return columns.toSorted((a, b) => rank(a) - rank(b));
}

const STRING_KINDS: ReadonlySet<ColumnKind> = new Set(['text', 'uuid', 'ip']);

const READERS: Readonly<Record<ColumnKind, keyof RowReader>> = {
  text: 'text',
  uuid: 'uuid',
  ip: 'ip',
  float: 'float',
  int: 'int',
  bigint: 'bigint',
  boolean: 'boolean',
  time: 'timeMs',
  texts: 'texts',
};

const INTERNING_READERS: Partial<Record<ColumnKind, keyof RowReader>> = { text: 'internedText', uuid: 'internedUuid' };

function readerCall({ kind, isInterned }: Column): string {
  return `row.${(isInterned && INTERNING_READERS[kind]) || READERS[kind]}()`;
}

function isJsonOf({ kind, isNullable }: Column, value: unknown): boolean {
  return value === null ? isNullable : IS_JSON_OF[kind](value);
}

function fromJson({ name, kind, isNullable }: Column): string {
  const value = `row[${JSON.stringify(name)}]`;
  const toValue = { time: `Date.parse(${value})`, float: `Number(${value})` }[kind as string];
  if (!toValue) return value;
  return isNullable ? `${value} === null ? null : ${toValue}` : toValue;
}

/** One sum of the strings that every record has, and one condition for each that may be missing. */
function measure(columns: readonly Column[]): string {
  const strings = columns.filter(({ kind }) => STRING_KINDS.has(kind));
  const required = strings.filter(({ isNullable }) => !isNullable);
  const nullable = strings.filter(({ isNullable }) => isNullable);
  const lengths = required.map(({ field }) => `record[${JSON.stringify(field)}].length`);
  const always = `${flatObjectBytes(columns.length, required.length, 0)} + ${lengths.join(' + ')}`;
  const extraBytes = flatObjectBytes(0, 1, 0) - flatObjectBytes(0, 0, 0);
  // Interned texts and the empty array, which rows share, count in each record.
  const lists = columns.filter(({ kind }) => kind === 'texts');
  const listed = lists.map(({ field }) => {
    const value = `(record[${JSON.stringify(field)}] ?? [])`;
    return ` + ${value}.reduce((sum, text) => sum + ${flatObjectBytes(0, 1, 0) - flatObjectBytes(0, 0, 0) + 8} + text.length, 40)`;
  });
  const present = nullable.map(({ field }) => {
    const value = `record[${JSON.stringify(field)}]`;
    return ` + (${value} === null ? 0 : ${extraBytes} + ${value}.length)`;
  });
  return always + [...present, ...listed].join('');
}

function evaluate<Generated>(source: string): Generated {
  return new Function(`'use strict'; return ${source};`)();
}
