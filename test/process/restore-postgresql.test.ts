import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { createOperator, type Operator } from '../support/operator.ts';
import { findPostgresqlPrograms } from '../support/postgresql-cluster.ts';
import { type ServerProcess, startServer, until, untilAllHeard } from '../support/server-process.ts';

/* A database that is restored, or changed past its triggers, while a server runs on it. */

const run = promisify(execFile);
const programs = engine === 'postgresql' ? await findPostgresqlPrograms() : null;
const onServers = programs ? describe : describe.skip;

onServers('a server whose database', () => {
  let database: Awaited<ReturnType<typeof createServerDatabase>>;
  let admin: Client;
  let server: ServerProcess;
  let operator: Operator;
  let folder: string;
  let dump: string;
  let ids: string[];

  beforeEach(async () => {
    database = await createServerDatabase();
    admin = new Client({ connectionString: database.url });
    await admin.connect();
    server = startServer({ DATABASE_URL: database.url, DEMO_FLEET: 'still' });
    operator = createOperator(await server.untilReady());
    ids = (await admin.query('select id from workstation order by id')).rows.map(({ id }) => id);
    folder = await mkdtemp(join(tmpdir(), 'stationmaster-restore-'));
    dump = join(folder, 'dump');
  });

  afterEach(async () => {
    await server.destroy();
    await admin.end();
    await database.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const pgDump = (...options: string[]) =>
    run(join(programs!, 'pg_dump'), ['-Fc', ...options, '-f', dump, database.url]);
  const pgRestore = (...options: string[]) =>
    run(join(programs!, 'pg_restore'), [...options, '-d', database.url, dump]);
  const isReady = async () => (await operator.readiness()).status === 200;

  /** Takes a dump, then updates a row six times and deletes another, and reads both. */
  async function moveOn(): Promise<{ edited: string; deleted: string }> {
    const [edited, deleted] = ids as [string, string];
    await pgDump();
    for (let version = 2; version <= 7; version++) expect(await operator.update(edited, 'edited')).toBe(version);
    await operator.ask(`mutation { deleteWorkstation(id: "${deleted}") }`);
    expect(await operator.read(edited)).toEqual({ version: 7, operatingSystem: 'edited' });
    expect(await operator.read(deleted)).toBeNull();
    return { edited, deleted };
  }

  test.each([
    ['in one transaction', ['--single-transaction']],
    ['piece by piece', []],
  ])('is restored %s shows what is in it, at once', async (_how, options) => {
    const { edited, deleted } = await moveOn();
    await pgRestore('--clean', '--if-exists', ...options);
    const { rows } = await admin.query(
      'select version, operating_system as "operatingSystem" from workstation where id = any($1) order by id',
      [[edited, deleted]],
    );
    expect(rows.map(({ version }) => version)).toEqual([1, 1]);
    expect([await operator.read(edited), await operator.read(deleted)]).toEqual(rows);
    expect(await operator.update(edited, 'after')).toBe(2);
    expect(await operator.read(edited)).toEqual({ version: 2, operatingSystem: 'after' });
    expect(await operator.readiness()).toMatchObject({ details: { gaps: expect.any(Number) } });
    await until(isReady, Boolean);
    expect(await operator.read(edited)).toEqual({ version: 2, operatingSystem: 'after' });
  });

  test('is restored by a program that leaves views alone is found out with the next heartbeat', async () => {
    await admin.query('drop materialized view stationmaster_restored');
    const { edited, deleted } = await moveOn();
    await pgRestore('--clean', '--if-exists');
    await until(
      () => operator.read(deleted),
      (row) => row !== null,
    );
    expect(await operator.update(edited, 'after')).toBe(2);
    expect(await operator.read(edited)).toEqual({ version: 2, operatingSystem: 'after' });
    await until(isReady, Boolean);
  });

  test('gets rows back with older versions shows those', async () => {
    await admin.query('create table kept as table workstation');
    const { edited, deleted } = await moveOn();
    await admin.query('delete from workstation');
    await until(
      () => operator.read(edited),
      (row) => row === null,
    );
    await admin.query('insert into workstation select * from kept');
    for (const id of [edited, deleted]) {
      const row = await until(
        () => operator.read(id),
        (row) => row !== null,
      );
      expect(row).toMatchObject({ version: 1 });
    }
    expect(await operator.update(edited, 'after')).toBe(2);
    expect(await operator.read(edited)).toEqual({ version: 2, operatingSystem: 'after' });
    await untilAllHeard(server, operator.readiness);
  });

  test('is written to while its triggers are off serves nothing as fresh until they are on, nor what it knew before', async () => {
    const [id] = ids as [string];
    await operator.read(id);
    await admin.query('alter table workstation disable trigger all');
    const reason = /^Changes of workstation are not announced to the cache/;
    await until(operator.readiness, ({ status, details }) => status === 503 && reason.test(String(details.reason)));
    await admin.query("update workstation set operating_system = 'unseen', version = 5 where id = $1", [id]);
    expect(await operator.read(id)).toEqual({ version: 5, operatingSystem: 'unseen' });
    await admin.query("update workstation set operating_system = 'unseen again', version = 3 where id = $1", [id]);
    await admin.query('alter table workstation enable trigger all');
    await until(isReady, Boolean);
    expect(await operator.read(id)).toEqual({ version: 3, operatingSystem: 'unseen again' });
  });

  test('is written to by one who turned the triggers off and on again is found out with the next heartbeat', async () => {
    const [id] = ids as [string];
    await operator.read(id);
    await admin.query(`begin; alter table workstation disable trigger all;
      update workstation set operating_system = 'unseen', version = 1 where id = '${id}';
      alter table workstation enable trigger all; commit`);
    await until(
      () => operator.read(id),
      (row) => typeof row === 'object' && row?.operatingSystem === 'unseen',
    );
    await until(isReady, Boolean);
  });
});
