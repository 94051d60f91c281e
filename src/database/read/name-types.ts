import type { Database } from '../database.ts';
import { ColumnTypeError } from './column-types.ts';

/** Adds the names of the table and the type to the error. The protocol carries only their OIDs. */
export async function nameTypes(error: ColumnTypeError, database: Database): Promise<ColumnTypeError> {
  const { column, kind } = error;
  const text = `select format_type($1::oid, $2::int) as type,
    (select relname from pg_class where oid = $3::oid) as "table"`;
  const values = [column.dataTypeID, column.dataTypeModifier ?? -1, column.tableID ?? 0];
  const named = await database
    .query<{ type: string; table: string | null }>('name-types', text, values)
    .catch(() => []);
  const [found] = named;
  if (!found) return error;
  const name = found.table ? `${found.table}.${column.name}` : column.name;
  return new ColumnTypeError({ ...column, name }, kind, found.type);
}
