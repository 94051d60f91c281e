import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { createCluster, DECODED, type PostgresqlCluster } from '../support/postgresql-cluster.ts';

const SERVER_URL = process.env.TEST_DATABASE_URL || 'postgres://postgres@127.0.0.1:5432/test';
const STANDBY_DELAY_SECONDS = 4;

/** The database of a run. */
export interface RunDatabase {
  /** Where it is now, without the proxies of the instances. */
  readonly url: string;
  readonly port: number;
  /** The port of a copy that is some seconds behind; `null` on a server that others use as well. */
  readonly standbyPort: number | null;
  /**
   * Stops the server in good order and makes one of the standby, which has received everything: no answered write is lost.
   * @param onMoved called when the new server accepts writes
   */
  failOver(onMoved: () => void): Promise<void>;
  /** Removes the database, with everything that was started for it. */
  remove(): Promise<void>;
}

/** @param programs the folder of PostgreSQL's programs, for a server of the run's own; `null`: on `TEST_DATABASE_URL` */
export async function createRunDatabase(programs: string | null): Promise<RunDatabase> {
  const name = `stationmaster_coherence_${randomBytes(6).toString('hex')}`;
  if (programs !== null) return createOnClusters(name, await createCluster(programs, DECODED));
  await execute(SERVER_URL, `create database ${name}`);
  const url = withName(SERVER_URL, name);
  return {
    url,
    port: Number(new URL(url).port || 5432),
    standbyPort: null,
    failOver: () => Promise.reject(new Error('There is no standby.')),
    remove: () => execute(SERVER_URL, `drop database ${name} with (force)`),
  };
}

async function createOnClusters(name: string, first: PostgresqlCluster): Promise<RunDatabase> {
  let primary = first;
  let standby: PostgresqlCluster | null = null;
  const remove = async () => {
    await standby?.destroy();
    await primary.destroy();
  };
  try {
    await execute(primary.url, `create database ${name}`);
    standby = await primary.createStandby(STANDBY_DELAY_SECONDS);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    get url() {
      return withName(primary.url, name);
    },
    get port() {
      return primary.port;
    },
    get standbyPort() {
      return standby?.port ?? null;
    },
    async failOver(onMoved) {
      const old = primary;
      if (!standby) throw new Error('There is no standby.');
      await old.stop();
      await standby.promote();
      primary = standby;
      standby = null;
      onMoved();
      await old.destroy();
      standby = await primary.createStandby(STANDBY_DELAY_SECONDS);
    },
    remove,
  };
}

function withName(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
