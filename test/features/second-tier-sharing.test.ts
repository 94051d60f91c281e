import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import type { App } from '../../src/app.ts';
import { createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { startInstance } from '../support/instance.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

/* Applications that share a Redis, but not their rows. */

const onServers = engine === 'postgresql' ? describe : describe.skip;

const READ = 'query ($id: ID!) { workstation(id: $id) { name version } }';
const COUNT = '{ workstations { totalCount } }';
const ID = randomUUID();

/** An application with a session of another program. */
interface Place {
  readonly app: App;
  readonly ask: (document: string) => Promise<unknown>;
  readonly sql: (text: string) => Promise<unknown>;
  close(): Promise<void>;
}

onServers.each([
  ['schemas of one database', true],
  ['databases of one server', false],
])('two %s with one Redis', (_what, isOneDatabase) => {
  let redis: RedisServer;
  let databases: Awaited<ReturnType<typeof createServerDatabase>>[];
  let places: Place[];

  async function open(databaseUrl: string, schema: string): Promise<Place> {
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    const sql = async (text: string) => (await client.query(text)).rows;
    await sql(`create schema if not exists ${schema}; set search_path = ${schema}`);
    const url = `${databaseUrl}?schema=${schema}`;
    const app = await startInstance({ DATABASE_URL: url, REDIS_URL: redis.url });
    const ask = async (query: string) => {
      const body = JSON.stringify({ query, variables: query === READ ? { id: ID } : {} });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers, body });
      return ((await response.json()) as { data: unknown }).data;
    };
    return { app, ask, sql, close: () => Promise.all([app.close(), client.end()]).then(() => {}) };
  }

  /** Adds the row of both places, of one version and one time, unheard of by any application. */
  const addRow = ({ sql }: Place, name: string) =>
    sql(`set session_replication_role = replica;
      insert into workstation (id, name, hostname, ip_address, operating_system, status, created_at, updated_at, version,
        row_version) values ('${ID}', '${name}', 'h', '10.0.0.1', 'Linux', 'ONLINE', '2026-01-01', '2026-01-01', 1, 7);
      set session_replication_role = origin`);

  const rename = ({ sql }: Place, name: string) => sql(`update workstation set name = '${name}' where id = '${ID}'`);

  /** Reads the row as if the first tier had evicted it. */
  const readFromRedis = ({ app, ask }: Place) => {
    app.cache.delete(`workstations_${ID}`);
    return ask(READ);
  };

  async function countStatements({ app }: Place, work: () => Promise<unknown>): Promise<number> {
    const before = app.database.statementCount;
    await work();
    return app.database.statementCount - before;
  }

  beforeEach(async () => {
    redis = await startRedis();
    databases = [await createServerDatabase(), await createServerDatabase()];
    const [one, other] = databases.map(({ url }) => url) as [string, string];
    places = [await open(one, 'fleet'), await open(isOneDatabase ? one : other, isOneDatabase ? 'spare' : 'fleet')];
  });

  afterEach(async () => {
    for (const place of places) await place.close();
    for (const database of databases) await database.dispose();
    await redis.close();
  });

  test('keep apart the records of one id and one version', async () => {
    const [one, other] = places as [Place, Place];
    await addRow(one, 'of one');
    await addRow(other, 'of the other');
    // A write to Redis is not awaited, and fails when it takes too long.
    while ((await redis.client.keys(`*:workstations_${ID}`)).length < 2) {
      expect(await readFromRedis(one)).toEqual({ workstation: { name: 'of one', version: 1 } });
      expect(await readFromRedis(other)).toEqual({ workstation: { name: 'of the other', version: 1 } });
    }
    expect(one.app.cache.secondTier!.generation).not.toBe(other.app.cache.secondTier!.generation);

    await rename(one, 'renamed');
    await one.app.feed.proveNow();
    expect(await readFromRedis(one)).toEqual({ workstation: { name: 'renamed', version: 2 } });
    expect(await readFromRedis(other)).toEqual({ workstation: { name: 'of the other', version: 1 } });
    await rename(other, 'renamed as well');
    await other.app.feed.proveNow();
    expect(await readFromRedis(one)).toEqual({ workstation: { name: 'renamed', version: 2 } });
    expect(await readFromRedis(other)).toEqual({ workstation: { name: 'renamed as well', version: 2 } });
  });

  test('keep what the other one changes and clears', async () => {
    const [one, other] = places as [Place, Place];
    await addRow(other, 'of the other');
    const readAll = async () => [await other.ask(READ), await other.ask(COUNT)];
    const before = await readAll();
    const { generation } = other.app.cache.secondTier!;

    await one.sql(`insert into workstation (id, name, hostname, ip_address, operating_system, status)
      values ('${ID}', 'of one', 'h', '10.0.0.1', 'Linux', 'ONLINE')`);
    await one.ask('mutation { clearCache { message } }');
    await one.ask('mutation { invalidateCache(pattern: "*") { message } }');
    await one.sql(`delete from workstation where id = '${ID}'`);
    await Promise.all(places.map(({ app }) => app.feed.proveNow()));

    expect(await countStatements(other, async () => expect(await readAll()).toEqual(before))).toBe(0);
    expect(other.app.cache.secondTier!.generation).toBe(generation);
    expect(await readFromRedis(one)).toEqual({ workstation: null });
    expect(await readFromRedis(other)).toEqual({ workstation: { name: 'of the other', version: 1 } });
  });
});
