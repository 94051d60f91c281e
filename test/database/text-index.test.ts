import { Client } from 'pg';
import { openDatabase } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { entities, migrations } from '../../src/features/index.ts';
import { engine } from '../../src/testing/test-database.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/* Text filters have an index where PostgreSQL has trigrams, and the same answers where it has not. */

const onServers = engine === 'postgresql' ? describe : describe.skip;
const PARTS = ['nameContains', 'hostnameContains', 'operatingSystemContains'];
const LIST = 'query ($filter: WorkstationFilter) { workstations(filter: $filter) { totalCount nodes { name } } }';

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 5000 } });
  await testApp.sql(`update workstation set name = 'n-needle', hostname = 'h-needle', operating_system = 'o-needle'
    where id = (select min(id::text)::uuid from workstation)`);
  await testApp.sql('analyze workstation');
  await testApp.waitUntilHeard();
});

afterAll(() => testApp.close());

test('the columns that telemetry writes are in no index, so PostgreSQL updates rows in place', async () => {
  const rows = await testApp.sql(
    `select distinct attname as name from pg_index join pg_depend on objid = indexrelid and refobjid = indrelid
      join pg_attribute on attrelid = indrelid and attnum = refobjsubid where indrelid = 'workstation'::regclass`,
  );
  const indexed = rows.map(({ name }) => name);
  expect(indexed).toEqual(expect.arrayContaining(['status', 'manager_id']));
  for (const column of ['cpu_usage', 'memory_usage', 'disk_usage', 'last_seen_at', 'updated_at', 'version']) {
    expect(indexed).not.toContain(column);
  }
});

test.each(PARTS)('%s finds the one in thousands', async (part) => {
  const { data } = await testApp.ask(LIST, { variables: { filter: { [part]: 'NEEDLE' } } });
  expect(data.workstations).toEqual({ totalCount: 1, nodes: [{ name: 'n-needle' }] });
});

onServers('On PostgreSQL', () => {
  test.each(PARTS)('%s is answered by the index, alone and within other filters', async (part) => {
    const { database } = testApp.app;
    const { query } = database;
    const statements: { text: string; values: readonly unknown[] }[] = [];
    Object.assign(database, {
      query: (name: string, text: string, values: readonly unknown[]) => {
        if (text.includes('count(*)')) statements.push({ text, values });
        return query(name, text, values);
      },
    });
    try {
      const needle = { [part]: 'needl' };
      for (const filter of [needle, { or: [needle, { [part]: 'ineedle' }] }]) {
        await testApp.ask(LIST, { variables: { filter } });
      }
    } finally {
      Object.assign(database, { query });
    }
    expect(statements).toHaveLength(2);
    for (const { text, values } of statements) {
      const plan = await testApp.sql(`explain (costs off) ${text}`, [...values]);
      expect(JSON.stringify(plan)).toContain('Bitmap Index Scan on workstation_texts');
    }
  });

  test('a role that may not create the extension has the tables without the index', async () => {
    const url = new URL(process.env.TEST_DATABASE_URL || 'postgres://postgres@127.0.0.1:5432/test');
    const [{ name }] = (await testApp.sql('select current_database() as name')) as [{ name: string }];
    const role = `${name}_role`;
    const admin = new Client({ connectionString: Object.assign(new URL(url), { pathname: name }).href });
    await admin.connect();
    try {
      // Trusted extensions are for those who may create in the database.
      await admin.query(
        `drop extension pg_trgm cascade; create role ${role} login; create schema ${role} authorization ${role}`,
      );
      const connection = { kind: 'postgresql', poolSize: 2, changeFeed: 'notify' } as const;
      const asRole = Object.assign(new URL(url), { pathname: name, username: role, search: `?schema=${role}` }).href;
      const database = await openDatabase({ ...connection, url: asRole }, { entities, migrations });
      await migrate(database);
      await database.close();
      const { rows } = await admin.query('select indexname from pg_indexes where schemaname = $1', [role]);
      expect(rows.map(({ indexname }) => indexname)).toContain('workstation_status_id');
      expect(rows.map(({ indexname }) => indexname)).not.toContain('workstation_texts');
    } finally {
      await admin.query(`drop owned by ${role} cascade; drop role ${role}`);
      await admin.end();
    }
  });
});
