import { flatObjectBytes } from '../../cache/index.ts';
import type { Row } from '../../changes/index.ts';
import { type Columns, epochMs } from '../../database/columns.ts';

/** A manager as services return it and the cache keeps it: plain, frozen, JSON-safe. */
export interface ManagerRecord {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly version: number;
}

/** The columns of a `manager m`, named and converted so that a row is a `ManagerRecord`. */
export const MANAGER_COLUMNS = `m.id, m.name, m.email, ${epochMs('m.created_at')} as "createdAtMs",
  ${epochMs('m.updated_at')} as "updatedAtMs", m.version`;

export const MANAGER_FIELDS = ['id', 'name', 'email', 'createdAtMs', 'updatedAtMs', 'version'];

/** The records in the columns that a statement selected as `MANAGER_COLUMNS`. */
export function managersFromColumns(columns: Columns<ManagerRecord>): ManagerRecord[] {
  return columns.id.map((id, row) =>
    Object.freeze({
      id,
      name: columns.name[row]!,
      email: columns.email[row]!,
      createdAtMs: columns.createdAtMs[row]!,
      updatedAtMs: columns.updatedAtMs[row]!,
      version: columns.version[row]!,
    }),
  );
}

/** The size of a record in memory, approximately. */
export function managerBytes({ id, name, email }: ManagerRecord): number {
  return flatObjectBytes(MANAGER_FIELDS.length, 3, id.length + name.length + email.length);
}

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
