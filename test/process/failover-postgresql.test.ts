import { Client } from 'pg';
import { createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { type Proxy as DatabaseProxy, startProxy } from '../coherence/proxy.ts';
import { createOperator, type Operator } from '../support/operator.ts';
import { createCluster, findPostgresqlPrograms, type PostgresqlCluster } from '../support/postgresql-cluster.ts';
import { type ServerProcess, startServer, until } from '../support/server-process.ts';

/* A server whose address leads to a standby for a while, or to a primary that takes no writes. */

const programs = engine === 'postgresql' ? await findPostgresqlPrograms() : null;
const onServers = engine === 'postgresql' ? describe : describe.skip;
const onClusters = programs ? describe : describe.skip;

let server: ServerProcess;
let operator: Operator;

async function start(url: string): Promise<void> {
  server = startServer({ DATABASE_URL: url, DEMO_FLEET: 'still' });
  operator = createOperator(await server.untilReady());
}

async function queryOn<Row>(url: string, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(text);
  await client.end();
  return rows;
}

async function findIds(url: string): Promise<string[]> {
  const rows = await queryOn<{ id: string }>(url, 'select id from workstation order by id limit 20');
  return rows.map(({ id }) => id);
}

function describeRow(row: Awaited<ReturnType<Operator['read']>>): string {
  return typeof row === 'string' ? row : `${row?.version} ${row?.operatingSystem}`;
}

const isReady = async () => (await operator.readiness()).status === 200;

onClusters('a server that is led', () => {
  let primary: PostgresqlCluster;
  let standby: PostgresqlCluster;
  let proxy: DatabaseProxy;
  let ids: string[];

  beforeEach(async () => {
    primary = await createCluster(programs!);
    proxy = await startProxy({ host: '127.0.0.1', port: primary.port });
    await start(primary.url.replace(String(primary.port), String(proxy.port)));
    standby = await primary.createStandby(5);
    ids = await findIds(primary.url);
    // The standby has not applied them yet.
    for (const id of ids) expect(await operator.update(id, 'before')).toBe(2);
  });

  afterEach(async () => {
    await server.destroy();
    await proxy.close();
    await standby.destroy();
    await primary.destroy();
  });

  async function readAll(): Promise<Awaited<ReturnType<Operator['read']>>[]> {
    return Promise.all(ids.map((id) => operator.read(id)));
  }

  test('to a standby shows nothing of it as fresh, and is well again by itself when it is led back', async () => {
    proxy.route(standby.port, true);
    const seen = new Set<unknown>();
    const untilMs = performance.now() + 4000;
    while (performance.now() < untilMs) {
      for (const outcome of await readAll()) seen.add(outcome);
      seen.add(await operator.update(ids[0]!, 'lost'));
    }
    expect([...seen].filter((outcome) => outcome !== 'UNAVAILABLE' && outcome !== 'stale')).toEqual([]);
    expect((await operator.readiness()).status).toBe(503);
    const line = /Nothing cached is served as fresh. DATABASE_URL leads to a standby/g;
    expect(server.output.match(line)).toHaveLength(1);

    proxy.route(primary.port, false);
    let version = 2;
    while (version < 30) {
      const outcome = await operator.update(ids[0]!, `after ${version}`);
      if (outcome === 'UNAVAILABLE') continue;
      version += 1;
      expect(outcome).toBe(version);
      // Readers may be told for another second that there is no answer, but never an old one.
      expect(['UNAVAILABLE', 'stale', `${version} after ${version - 1}`]).toContain(
        describeRow(await operator.read(ids[0]!)),
      );
    }
    await until(isReady, Boolean);
    const [changed, ...others] = await readAll();
    expect(changed).toEqual({ version, operatingSystem: `after ${version - 1}` });
    expect(new Set(others.map(describeRow))).toEqual(new Set(['2 before']));
  });

  test('to a standby that is promoted goes on with what that has, and with nothing that is cached of the other', async () => {
    await readAll();
    await readAll();
    proxy.route(standby.port, true);
    await standby.promote();
    // What the old primary still takes is part of another history.
    await queryOn(primary.url, `update workstation set operating_system = 'lost' where id = '${ids[0]}'`);
    await until(isReady, Boolean);
    const inDatabase = await queryOn(
      standby.url,
      'select version, operating_system as "operatingSystem" from workstation order by id limit 20',
    );
    expect(await readAll()).toEqual(inDatabase);
    const version = await until(() => operator.update(ids[0]!, 'on the new primary'), Number.isInteger);
    expect(await operator.read(ids[0]!)).toEqual({ version, operatingSystem: 'on the new primary' });
  });

  test('to another primary, with nothing cut, follows as soon as one new connection is there', async () => {
    await standby.promote();
    proxy.route(standby.port, false);
    // The pools open more connections than they had.
    await Promise.all(
      Array.from({ length: 9 }, (_, page) => operator.ask(`{ workstations(first: ${page + 1}) { totalCount } }`)),
    );
    await until(
      () => queryOn(standby.url, "select 1 from pg_stat_activity where application_name = 'stationmaster-feed'"),
      ({ length }) => length === 1,
    );
    await until(isReady, Boolean);
    const version = await until(() => operator.update(ids[0]!, 'there'), Number.isInteger);
    expect(await operator.read(ids[0]!)).toEqual({ version, operatingSystem: 'there' });
    expect(
      await queryOn(
        standby.url,
        `select version, operating_system as "operatingSystem" from workstation where id = '${ids[0]}'`,
      ),
    ).toEqual([{ version, operatingSystem: 'there' }]);
  });
});

onServers('a server whose database takes no writes for a while', () => {
  let database: Awaited<ReturnType<typeof createServerDatabase>>;

  beforeEach(async () => {
    database = await createServerDatabase();
    await start(database.url);
  });

  afterEach(async () => {
    await server.destroy();
    await database.dispose();
  });

  test('answers writes as UNAVAILABLE, and the next one after that while succeeds', async () => {
    const name = new URL(database.url).pathname.slice(1);
    const [id] = (await findIds(database.url)) as [string];
    expect(await operator.update(id, 'before')).toBe(2);
    await queryOn(database.url, `alter database ${name} set default_transaction_read_only = on`);
    await queryOn(
      database.url,
      `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = '${name}' and pid <> pg_backend_pid()`,
    );
    await until(isReady, Boolean);
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => operator.update(id, 'refused')));
    expect(new Set(outcomes)).toEqual(new Set(['UNAVAILABLE']));
    expect(await operator.read(id)).toEqual({ version: 2, operatingSystem: 'before' });

    await queryOn(
      database.url,
      `begin; set transaction read write; alter database ${name} reset default_transaction_read_only; commit`,
    );
    // One that is on its way may still be refused, and closes every connection that is of that time.
    await operator.update(id, 'perhaps');
    const version = Number(await operator.update(id, 'after'));
    expect(version).toBeGreaterThan(2);
    expect(await operator.read(id)).toEqual({ version, operatingSystem: 'after' });
    for (let more = 1; more <= 20; more++) expect(await operator.update(id, 'after')).toBe(version + more);
  });
});
