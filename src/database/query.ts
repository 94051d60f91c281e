import { isRefusal } from './database.ts';

/** Runs a statement on one connection. */
export type Query = (text: string, values?: unknown[]) => Promise<{ readonly rows: unknown[] }>;

/** Gives the rows of what some providers do not let their customers ask; none where PostgreSQL refuses. */
export async function queryIfPermitted(query: Query, text: string): Promise<readonly unknown[]> {
  try {
    return (await query(text)).rows;
  } catch (error) {
    if (isRefusal(error)) return [];
    throw error;
  }
}

/** What `initdb` gave the cluster, and its standbys share. */
export const SYSTEM_IDENTIFIER = 'select system_identifier::text as cluster from pg_control_system()';
