import { flatObjectBytes } from '../../cache/index.ts';
import type { Row } from '../../changes/index.ts';
import type { RowReader } from '../../database/read/row-reader.ts';

/** A manager as services return it and the cache keeps it: plain, frozen, JSON-safe. */
export interface ManagerRecord {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly version: number;
}

/** The columns of a `manager m` as `readManager` reads them. The id repeats in the rows of all who have that manager. */
export const MANAGER_COLUMNS = 'm.id, m.name, m.email, m.created_at, m.updated_at, m.version';

/**
 * The record in the columns that a statement selected as `MANAGER_COLUMNS`.
 * @param id when that has been read already
 */
export function readManager(row: RowReader, id: string = row.internedUuid()!): ManagerRecord {
  return Object.freeze({
    id,
    name: row.text()!,
    email: row.text()!,
    createdAtMs: row.timeMs()!,
    updatedAtMs: row.timeMs()!,
    version: row.int()!,
  });
}

const PARTS = 6;

/** The size of a record in memory, approximately. */
export function managerBytes({ id, name, email }: ManagerRecord): number {
  return flatObjectBytes(PARTS, 3, id.length + name.length + email.length);
}

/** The record in a row that was announced, or that a `Writer` wrote. */
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
