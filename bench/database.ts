import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'pg';

/** A database filled with workstations, created for one run. */
export interface Fleet {
  readonly url: string;
  /** The workstations' ids, in an order independent of the rows. */
  readonly ids: readonly string[];
}

let made = 0;
const SERVER_URL = process.env.DATABASE_URL || 'postgres://postgres@127.0.0.1:5432/postgres';
const MANAGERS = 100;
const OWN_FOLDER = fileURLToPath(new URL('..', import.meta.url));

/**
 * Creates a database on the PostgreSQL of DATABASE_URL, migrates and fills it as Stationmaster does, and drops it when
 * `work` has finished or failed, or on Ctrl-C.
 * @param folder the build that migrates and fills it
 */
export async function withFleet<Result>(
  workstations: number,
  work: (fleet: Fleet) => Promise<Result>,
  folder = OWN_FOLDER,
): Promise<Result> {
  const name = `stationmaster_bench_${process.pid}_${workstations}_${++made}`;
  const server = new Client({ connectionString: SERVER_URL });
  await server.connect();
  const url = new URL(SERVER_URL);
  url.pathname = `/${name}`;
  await server.query(`create database ${name}`);
  const interrupted = interruption();
  try {
    return await Promise.race([fill(url.href, workstations, folder).then(work), interrupted.rejection]);
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

async function fill(url: string, workstations: number, folder: string): Promise<Fleet> {
  const counts = ['--workstations', String(workstations), '--managers', String(MANAGERS)];
  await promisify(execFile)(process.execPath, ['dist/src/cli/seed.js', ...counts], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: url },
  });
  const client = new Client({ connectionString: url });
  await client.connect();
  // Done now, because autovacuum would otherwise run during a server's turn and change its query plans.
  await client.query('vacuum analyze');
  const { rows } = await client.query<{ id: string }>('select id from workstation order by md5(id::text)');
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
