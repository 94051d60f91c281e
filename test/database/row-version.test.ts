import { migrate } from '../../src/database/migrate.ts';
import { openTestDatabase } from '../support/unmigrated-database.ts';

/* A database of an earlier build, when every write raised `version`, and what its migration leaves as it is. */

test('an upgrade keeps every version and time, and a row that is inserted again is newer than the deleted one', async () => {
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
  const [row] = await run(
    `update workstation set cpu_usage = 2 where name = 'W-1' returning version, row_version::float8`,
  );
  expect(row).toEqual({ version: 3, row_version: 4 });
  const insert = (
    id: string,
  ) => `insert into workstation (id, name, hostname, ip_address, operating_system, row_version)
    values ('${id}', 'new', 'n', '::1', 'x', 1) returning id, version, row_version::float8`;
  const [first] = await run(insert('0192f000-0000-7000-8000-000000000001'));
  await run("update workstation set hostname = 'm' where name = 'new'");
  const [deleted] = await run("delete from workstation where name = 'new' returning id, version, row_version::float8");
  expect(deleted).toEqual({ ...first, version: 2, row_version: Number(first!.row_version) + 1 });
  const [again] = await run(insert('0192f000-0000-7000-8000-000000000001'));
  expect(again!.version).toBe(1);
  expect(Number(again!.row_version)).toBeGreaterThan(Number(deleted!.row_version));
  await dispose();
});
