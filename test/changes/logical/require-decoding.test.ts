import { Client } from 'pg';
import { requireDecoding } from '../../../src/changes/index.ts';
import { type Database, openDatabase } from '../../../src/database/database.ts';
import { tablesOf } from '../../../src/database/followed-tables.ts';
import { migrate } from '../../../src/database/migrate.ts';
import { entities, migrations } from '../../../src/features/index.ts';
import { EXIT_CODE, StartError } from '../../../src/process/start-error.ts';
import {
  createCluster,
  DECODED,
  findPostgresqlPrograms,
  type PostgresqlCluster,
} from '../../support/postgresql-cluster.ts';

const programs = process.env.TEST_ENGINE === 'postgresql' ? await findPostgresqlPrograms() : null;
const describeWithPrograms = programs ? describe : describe.skip;

describeWithPrograms('before a start by which the log is decoded', () => {
  let cluster: PostgresqlCluster;
  let database: Database;
  let admin: Client;

  beforeAll(async () => {
    cluster = await createCluster(programs!, DECODED);
    database = await openDatabase(
      { kind: 'postgresql', url: cluster.url, poolSize: 2, changeFeed: 'logical' },
      { entities, migrations },
    );
    await migrate(database);
    admin = new Client({ connectionString: cluster.url });
    await admin.connect();
  });

  afterAll(async () => {
    await admin?.end();
    await database?.close();
    await cluster?.destroy();
  });

  test('the tables are published, and no connection is left', async () => {
    const find = "select from pg_stat_activity where backend_type in ('client backend', 'walsender')";
    const count = async () => (await admin.query(find)).rowCount;
    await database.query('', 'select 1', []);
    const before = await count();
    await requireDecoding(database, cluster.url);
    const { rows } = await admin.query('select tablename from pg_publication_tables order by 1');
    expect(rows.map(({ tablename }) => tablename)).toEqual(tablesOf(database).sort());
    while ((await count())! > before!);
  });

  test('a role that may not stream the log is told what has to be run', async () => {
    await admin.query('create role plain login');
    const started = requireDecoding(database, cluster.url.replace('postgres@', 'plain@'));
    await expect(started).rejects.toThrow(StartError);
    await expect(started).rejects.toMatchObject({
      exitCode: EXIT_CODE.rightMissing,
      message: expect.stringMatching(/may not decode the log.*alter role … replication;$/),
      cause: { code: '42501' },
    });
  });

  test('any other error is that of the connection', async () => {
    const started = requireDecoding(database, cluster.url.replace(/postgres$/, 'nowhere'));
    await expect(started).rejects.toMatchObject({ code: '3D000' });
  });
});
