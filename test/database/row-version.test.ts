import { openDatabase } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { entities, migrations } from '../../src/features/index.ts';
import { createEmbeddedDatabase, createServerDatabase, engine } from '../../src/testing/test-database.ts';

/* A database of an earlier build, when every write raised `version`, and what its migration leaves as it is. */

async function openTestDatabase() {
  if (engine === 'postgresql') {
    const { url, dispose } = await createServerDatabase();
    const database = await openDatabase({ kind: 'postgresql', url, poolSize: 4 }, { entities, migrations });
    return { database, dispose: () => database.close().then(dispose) };
  }
  const { pglite, dispose } = await createEmbeddedDatabase();
  const database = await openDatabase({ kind: 'pglite', dataDir: '' }, { entities, migrations, pglite });
  return { database, dispose: () => database.close().then(dispose) };
}

test('an upgrade keeps every version and time, and each row version begins with the version', async () => {
  const { database, dispose } = await openTestDatabase();
  let statements = 0;
  const run = (text: string) => database.execute<Record<string, unknown>>(`test-${++statements}`, text, []);
  await database.orm.migrator.down({ to: '20261129-announcements' });
  await run("insert into manager (name, email) values ('Ada', 'a@x.example'), ('Bea', 'b@x.example')");
  await run(`insert into workstation (name, hostname, ip_address, operating_system)
    select 'W-' || n, 'w', '::1', 'x' from generate_series(1, 10) n`);
  for (const name of ['W-1', 'W-2', 'W-1']) await run(`update workstation set cpu_usage = 1 where name = '${name}'`);
  await run("update manager set name = 'Ann' where name = 'Ada'");
  const kept = () =>
    run(`select id, version, updated_at, created_at from workstation
      union all select id, version, updated_at, created_at from manager order by 1`);
  const before = await kept();
  expect(before.map(({ version }) => version).sort()).toEqual([...Array(9).fill(1), 2, 2, 3]);
  await migrate(database);
  expect(await kept()).toEqual(before);
  const differing = `select version, row_version from workstation where row_version <> version
    union all select version, row_version from manager where row_version <> version`;
  expect(await run(differing)).toEqual([]);
  const [row] = await run(`update workstation set cpu_usage = 2 where name = 'W-1' returning version, row_version`);
  expect(row).toEqual({ version: 3, row_version: 4 });
  await run(`insert into workstation (name, hostname, ip_address, operating_system) values ('new', 'n', '::1', 'x')`);
  expect(await run(`select version, row_version from workstation where name = 'new'`)).toEqual([
    { version: 1, row_version: 1 },
  ]);
  await dispose();
});
