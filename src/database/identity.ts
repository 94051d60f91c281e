import { createHash } from 'node:crypto';
import type { Database } from './database.ts';

/**
 * Names the database so that no other has the same name: not one of the same name elsewhere, nor a copy of its files that
 * another server runs. Whoever reaches it by another of its addresses may find another name, too.
 */
export async function identifyDatabase(database: Database): Promise<string> {
  const [place] = await database.query<object>(
    'database-place',
    `select inet_server_addr()::text as address, inet_server_port() as port, current_schema() as schema, oid, datname
      from pg_database where datname = current_database()`,
    [],
  );
  const cluster = await database
    .query<object>('cluster-identity', 'select system_identifier::text as cluster from pg_control_system()', [])
    // Some providers keep it to themselves.
    .catch(() => []);
  const text = JSON.stringify([place, cluster[0] ?? null]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}
