import type { Row } from '../../src/changes/index.ts';
import type { Collection, Identified } from '../../src/collections/index.ts';
import { deskCollections } from '../collections/desks.ts';

export type Value = string | number | boolean | null;

/** A row by the names of its columns; times are milliseconds since the epoch. */
export type SqlRow = Readonly<Record<string, Value>>;

export type Table = 'studio' | 'keeper' | 'desk';

export const TABLES: readonly Table[] = ['studio', 'keeper', 'desk'];

/** The ids that rows of each table ever have, so that deleted rows come back. */
export const IDS: Readonly<Record<Table, readonly string[]>> = {
  studio: makeIds('1', 4),
  keeper: makeIds('2', 3),
  desk: makeIds('3', 36),
};

/** The collection of each table. */
export const definitionOf = Object.fromEntries(
  deskCollections.map((each) => [each.table, each]),
) as unknown as Readonly<Record<Table, Collection<Identified, object, string>>>;

const TIME_COLUMNS = new Set(
  deskCollections.flatMap(({ columns }) => columns.filter(({ kind }) => kind === 'time').map(({ name }) => name)),
);

function makeIds(kind: string, count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `${kind.repeat(8)}-0000-7000-8000-${String(index).padStart(12, '0')}`,
  );
}

/** A row as PostgreSQL makes JSON of it. */
export function toJsonRow(row: SqlRow): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toJsonValue(name, value)]));
}

export function toJsonValue(name: string, value: Value): Value {
  return TIME_COLUMNS.has(name) && value !== null
    ? new Date(value as number).toISOString().replace('Z', '+00:00')
    : value;
}

/** Whether a record of a collection has all the values of a row. */
export function isRecordOf(table: Table, record: object, row: SqlRow): boolean {
  const values = record as Readonly<Record<string, Value>>;
  return definitionOf[table].columns.every(({ field, name }) => values[field] === row[name]);
}
