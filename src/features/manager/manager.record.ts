import type { Row } from '../../changes/index.ts';

/** A manager as services return it and the cache keeps it: plain, frozen, JSON-safe. */
export interface ManagerRecord {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly version: number;
}

/** The columns of a `manager m`, named and converted so that a row is a `ManagerRecord` as it comes. */
export const MANAGER_COLUMNS = `m.id, m.name, m.email,
  (extract(epoch from m.created_at) * 1000)::float8 as "createdAtMs",
  (extract(epoch from m.updated_at) * 1000)::float8 as "updatedAtMs", m.version`;

/** The record in a row that MikroORM's query builder returned. */
export function managerFromStored(row: object): ManagerRecord {
  const { createdAt, updatedAt, ...rest } = row as Omit<ManagerRecord, 'createdAtMs' | 'updatedAtMs'> & {
    readonly createdAt: Date;
    readonly updatedAt: Date;
  };
  return { ...rest, createdAtMs: createdAt.getTime(), updatedAtMs: updatedAt.getTime() };
}

/** The record in an announced row. */
export function managerFromRow(row: Row): ManagerRecord {
  return {
    id: row.id as string,
    name: row.name as string,
    email: row.email as string,
    createdAtMs: Date.parse(row.created_at as string),
    updatedAtMs: Date.parse(row.updated_at as string),
    version: row.version as number,
  };
}
