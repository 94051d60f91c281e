import { createHash } from 'node:crypto';
import { type Database, isRefusal } from './database.ts';

/**
 * Names the database among others: eight hexadecimal digits. Its standbys have the same name, and so it outlives a failover.
 * A copy of the rows, such as a restored dump, is another database.
 */
export async function identifyDatabase(database: Database): Promise<string> {
  const [place] = await database.query<object>(
    'database-place',
    'select current_database() as database, current_schema() as schema',
    [],
  );
  // Some providers keep it to themselves.
  const kept = (error: unknown) => (isRefusal(error) ? [] : Promise.reject(error));
  const cluster = await database
    .query<object>('cluster-identity', 'select system_identifier::text as cluster from pg_control_system()', [])
    .catch(kept);
  return createHash('sha256')
    .update(JSON.stringify([place, cluster]))
    .digest('hex')
    .slice(0, 8);
}
