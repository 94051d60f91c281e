import { Client } from 'pg';
import type { Database } from '../src/database/database.ts';

/** A database filled with workstations, created for one run. */
export interface Fleet {
  readonly url: string;
  /** The workstations' ids, in an order independent of the rows. */
  readonly ids: readonly string[];
}

let made = 0;
const SERVER_URL = process.env.DATABASE_URL || 'postgres://postgres@127.0.0.1:5432/postgres';
const MANAGERS = 100;

/**
 * Creates a database on the PostgreSQL of DATABASE_URL, migrates and fills it as Stationmaster does, and drops it when
 * `work` has finished or failed, or on Ctrl-C.
 */
export async function withFleet<Result>(
  workstations: number,
  work: (fleet: Fleet) => Promise<Result>,
): Promise<Result> {
  const name = `stationmaster_bench_${process.pid}_${workstations}_${++made}`;
  const server = new Client({ connectionString: SERVER_URL });
  await server.connect();
  const url = new URL(SERVER_URL);
  url.pathname = `/${name}`;
  await server.query(`create database ${name}`);
  const interrupted = interruption();
  try {
    return await Promise.race([fill(url.href, workstations).then(work), interrupted.rejection]);
  } finally {
    interrupted.forget();
    const dropped = server.query(`drop database ${name} with (force)`).then(() => server.end());
    drops.add(dropped);
    await dropped;
  }
}

const drops = new Set<Promise<void>>();

/** Waits until all pending drops of databases have finished. */
export async function allDropped(): Promise<void> {
  await Promise.allSettled(drops);
}

async function fill(url: string, workstations: number): Promise<Fleet> {
  const { openDatabase } = await import('../dist/src/database/database.js' as string);
  const { migrate } = await import('../dist/src/database/migrate.js' as string);
  const { entities, migrations } = await import('../dist/src/features/index.js' as string);
  const { seedFleet } = await import('../dist/src/features/demo-fleet/index.js' as string);
  const database: Database = await openDatabase({ kind: 'postgresql', url, poolSize: 2 }, { entities, migrations });
  await migrate(database);
  await seedFleet(database, { managers: MANAGERS, workstations });
  const rows = await database.query<{ id: string }>('ids', 'select id from workstation order by md5(id::text)', []);
  await database.close();
  const client = new Client({ connectionString: url });
  await client.connect();
  // Done now, because autovacuum would otherwise run during a server's turn and change its query plans.
  await client.query('vacuum analyze');
  await client.end();
  return { url, ids: rows.map(({ id }) => id) };
}

function interruption(): { readonly rejection: Promise<never>; forget(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(new Error('Interrupted.'));
  process.on('SIGINT', stop).on('SIGTERM', stop);
  promise.catch(() => {});
  return { rejection: promise, forget: () => process.off('SIGINT', stop).off('SIGTERM', stop) };
}
