import type { Database } from './database.ts';

/** What the change feed's connection of every instance calls itself. */
export const LISTENER_NAME = 'stationmaster-feed';

/** How many instances listen to the changes of this database. An instance that died is gone from the count with its connection. */
export async function countListeners(database: Database): Promise<number> {
  if (database.kind === 'pglite') return 1;
  const [row] = await database.query<{ count: number }>(
    'listeners-count',
    'select count(*)::int as count from pg_stat_activity where application_name = $1 and datname = current_database()',
    [LISTENER_NAME],
  );
  return row!.count;
}
