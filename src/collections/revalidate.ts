import type { Database } from '../database/database.ts';

/** A row as it was read before, with the times that tell a row from one that was made again under the same id. */
export interface KnownRow {
  readonly id: string;
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** The ids of those rows that are still what was read, to the millisecond, which is as far as an announcement tells. */
export async function revalidate(
  database: Database,
  table: 'manager' | 'workstation',
  known: readonly KnownRow[],
): Promise<string[]> {
  const columns = ['id', 'version', 'createdAtMs', 'updatedAtMs'] as const;
  const rows = await database.query<{ id: string }>(
    `${table}s-unchanged`,
    `select t.id from unnest($1::uuid[], $2::int[], $3::float8[], $4::float8[]) known (id, version, created, updated)
      join ${table} t on t.id = known.id and t.version = known.version
        and floor(extract(epoch from t.created_at) * 1000) = floor(known.created)
        and floor(extract(epoch from t.updated_at) * 1000) = floor(known.updated)`,
    columns.map((column) => known.map((row) => row[column])),
  );
  return rows.map(({ id }) => id);
}
