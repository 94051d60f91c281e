import { createHash } from 'node:crypto';
import type { Database } from './database.ts';
import { type Query, queryIfPermitted, SYSTEM_IDENTIFIER } from './query.ts';

/**
 * Names the database among others: eight hexadecimal digits. Its standbys have the same name, and so it outlives a failover.
 * A copy of the rows, such as a restored dump, is another database.
 */
export async function identifyDatabase(database: Database): Promise<string> {
  const named =
    (name: string): Query =>
    async (text) => ({ rows: await database.query(name, text, []) });
  const place = 'select current_database() as database, current_schema() as schema';
  const { rows } = await named('database-place')(place);
  const cluster = await queryIfPermitted(named('cluster-identity'), SYSTEM_IDENTIFIER);
  return createHash('sha256')
    .update(JSON.stringify([rows[0], cluster]))
    .digest('hex')
    .slice(0, 8);
}
