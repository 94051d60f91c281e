import { EXIT_CODE, StartError } from '../process/start-error.ts';
import type { Database } from './database.ts';

/** What `follow_table()` makes: the function and the number of its triggers on each table. */
const TRIGGERS = { stationmaster_count_version: 1, stationmaster_announce: 4 };

/**
 * Makes sure that the changes of every entity's table are announced. Of a table that is not followed the cache would never
 * hear, and would serve its rows and lists until their time is over.
 * @throws {StartError} naming the tables that lack some of the triggers, or have them disabled
 */
export async function requireFollowedTables(database: Database): Promise<void> {
  const tables = [...database.orm.getMetadata().getAll().values()].map(({ tableName }) => tableName);
  const rows = await database.query<{ table: string; function: keyof typeof TRIGGERS; triggers: number }>(
    'followed-tables',
    `select t.name as table, p.proname as function, count(*)::int as triggers
      from unnest($1::text[]) t (name) join pg_trigger g on g.tgrelid = to_regclass(quote_ident(t.name))
        and g.tgenabled <> 'D' join pg_proc p on p.oid = g.tgfoid
      group by 1, 2`,
    [tables],
  );
  const isFollowed = (table: string) =>
    Object.entries(TRIGGERS).every(([name, triggers]) =>
      rows.some((row) => row.table === table && row.function === name && row.triggers === triggers),
    );
  const missing = tables.filter((table) => !isFollowed(table));
  if (missing.length === 0) return;
  const calls = missing.map((table) => `follow_table('${table}')`).join(' and ');
  const message = `Changes of ${missing.join(' and ')} are not announced to the cache: call ${calls} in a migration.`;
  throw new StartError(EXIT_CODE.badConfiguration, message);
}
