import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { changeFeed, createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { createOperator, type Operator } from '../support/operator.ts';
import { findPostgresqlPrograms } from '../support/postgresql-cluster.ts';
import { type ServerProcess, startServer, until, untilAllHeard } from '../support/server-process.ts';

/* Programs that write to the tables beside a server, each in its own way, and servers of other schemas. */

const run = promisify(execFile);
const programs = engine === 'postgresql' ? await findPostgresqlPrograms() : null;
const onServers = programs ? describe : describe.skip;
const testByTriggers = changeFeed === 'notify' ? test : test.skip;

let database: Awaited<ReturnType<typeof createServerDatabase>>;
let admin: Client;
let servers: ServerProcess[];

beforeEach(async () => {
  if (!programs) return;
  servers = [];
  database = await createServerDatabase();
  admin = new Client({ connectionString: database.url });
  await admin.connect();
});

afterEach(async () => {
  if (!programs) return;
  await Promise.all(servers.map((server) => server.destroy()));
  await admin.end();
  await database.dispose();
});

async function start(url: string): Promise<Operator> {
  const server = startServer({ DATABASE_URL: url, DEMO_FLEET: 'still' });
  servers.push(server);
  return createOperator(await server.untilReady());
}

const idsOf = async (table: string) =>
  (await admin.query<{ id: string }>(`select id from ${table} order by id`)).rows.map(({ id }) => id);

onServers('a server hears', () => {
  let operator: Operator;
  let ids: string[];

  beforeEach(async () => {
    operator = await start(database.url);
    ids = await idsOf('workstation');
  });

  /** Reads the rows, so that they are cached, and again after `write` until they are as they should be. */
  async function expectHeard(write: () => Promise<unknown>, operatingSystem: string): Promise<void> {
    const [first, last] = [ids[0]!, ids.at(-1)!];
    for (const id of [first, last]) await operator.read(id);
    await write();
    for (const id of [first, last]) {
      await until(
        () => operator.read(id),
        (row) => row !== null && typeof row === 'object' && row.operatingSystem === operatingSystem,
      );
    }
    await untilAllHeard(servers[0]!, operator.readiness);
  }

  test('a session without a search path, and what its deletions entail', async () => {
    await expectHeard(async () => {
      await admin.query(`set search_path = ''`);
      await admin.query(`update public.workstation set operating_system = 'y'`);
    }, 'y');
    const { rows } = await admin.query(
      'select id, manager_id from public.workstation where manager_id is not null limit 1',
    );
    const manager = `{ workstation(id: "${rows[0].id}") { manager { id } } }`;
    expect((await operator.ask(manager)).data.workstation.manager.id).toBe(rows[0].manager_id);
    await admin.query('delete from public.manager where id = $1', [rows[0].manager_id]);
    await until(
      () => operator.ask(manager),
      ({ data }) => data.workstation.manager === null,
    );
    await untilAllHeard(servers[0]!, operator.readiness);
  });

  test('a pg_restore of the rows alone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stationmaster-writers-'));
    const dump = join(folder, 'dump');
    await run(join(programs!, 'pg_dump'), [
      '-a',
      '-Fc',
      '-t',
      'manager',
      '-t',
      'workstation',
      '-f',
      dump,
      database.url,
    ]);
    const id = ids[0]!;
    await admin.query('truncate manager, workstation');
    await until(
      () => operator.read(id),
      (row) => row === null,
    );
    await run(join(programs!, 'pg_restore'), ['-d', database.url, dump]);
    expect(await idsOf('workstation')).toEqual(ids);
    await until(
      () => operator.read(id),
      (row) => row !== null,
    );
    await rm(folder, { recursive: true });
  });

  // Decoding it takes longer than an echo may: docs/operations.md.
  testByTriggers('a statement that writes more than a gigabyte, without failing', async () => {
    // What is tried is announcing. Compressing the usual way and indexing the texts take more than a minute on a busy machine.
    await admin.query(`set default_toast_compression = 'lz4'; drop index workstation_texts`);
    await admin.query(`update workstation set operating_system = repeat('x', 1100000)`);
    await expectHeard(() => admin.query(`update workstation set operating_system = 'small'`), 'small');
  });

  test('a statement that writes very many rows', async () => {
    await admin.query(`insert into workstation (name, hostname, ip_address, operating_system)
      select 'Many ' || n, 'many', '::1', 'x' from generate_series(1, 20000) n`);
    ids.push(...(await idsOf('workstation')).slice(-1));
    await expectHeard(() => admin.query(`update workstation set operating_system = 'z'`), 'z');
  });
});

onServers('a prepared transaction', () => {
  testByTriggers('is refused by PostgreSQL once it has written, if the server allows them at all', async () => {
    await admin.query('begin');
    await admin.query(`insert into manager (name, email) values ('Ada', 'ada@fleet.example')`);
    const [{ most }] = (await admin.query(`select current_setting('max_prepared_transactions')::int as most`)).rows;
    await expect(admin.query(`prepare transaction 'x'`)).rejects.toThrow(
      most === 0
        ? 'prepared transactions are disabled'
        : 'cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY',
    );
  });
});

onServers('servers of two schemas of one database', () => {
  test('keep apart what they store, hear, cache and ask', async () => {
    await admin.query('create schema a; create schema "B c"');
    const a = await start(`${database.url}?options=-c%20search_path%3Da`);
    const b = await start(`${database.url}?schema=B%20c`);
    const [id] = (await idsOf('a.workstation')) as [string];
    const before = await b.read(id);
    expect(before).toMatchObject({ version: 1 });
    for (const version of [2, 3]) expect(await a.update(id, `of a ${version}`)).toBe(version);
    // Its own write is heard after those of the other one.
    const [other] = (await idsOf('"B c".workstation')).filter((one) => one !== id) as [string];
    expect(await b.update(other, 'of b')).toBe(2);
    expect(await b.read(id)).toEqual(before);
    await untilAllHeard(servers[1]!, b.readiness);
    const instances = await b.ask('{ performanceMetrics { instances { instanceId } } }');
    expect(instances.data.performanceMetrics.instances).toHaveLength(1);
    expect(await a.read(id)).toEqual({ version: 3, operatingSystem: 'of a 3' });
  });
});
