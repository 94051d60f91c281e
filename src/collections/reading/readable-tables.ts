import type { Database } from '../../database/database.ts';
import { ColumnTypeError } from '../../database/read/column-types.ts';
import { nameTypes } from '../../database/read/name-types.ts';
import { EXIT_CODE, StartError } from '../../process/start-error.ts';
import type { AnyCollection } from '../definition/collection.ts';

/**
 * Makes sure that the tables have the columns of their entities, with types that rows can be read as. An operator may have
 * changed a table, and the start should fail for that, not the first request.
 * @throws {StartError} naming the column
 */
export async function requireReadableTables(database: Database, definitions: readonly AnyCollection[]): Promise<void> {
  for (const { key, table, shape } of definitions) {
    const text = `select ${shape.selectedFrom('t')} from ${table} t limit 0`;
    const { kinds, read } = shape;
    await database
      .readRows({ name: `${key}-columns`, text, values: [], kinds, read })
      .catch(async (error) => Promise.reject(await explain(error, table, database)));
  }
}

/** SQLSTATE undefined_column. */
const UNDEFINED_COLUMN = '42703';

async function explain(error: Error & { readonly code?: string }, table: string, database: Database): Promise<Error> {
  if (error instanceof ColumnTypeError) {
    const { message } = await nameTypes(error, database);
    return new StartError(EXIT_CODE.badConfiguration, message, { cause: error });
  }
  if (error.code !== UNDEFINED_COLUMN) return error;
  const message = `The table ${table} lacks a column, or it was renamed: ${error.message}.`;
  return new StartError(EXIT_CODE.badConfiguration, message, { cause: error });
}
