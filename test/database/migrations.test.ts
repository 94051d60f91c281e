import { migrate } from '../../src/database/migrate.ts';
import { seedFleet } from '../../src/features/demo-fleet/index.ts';
import { openTestDatabase } from '../support/unmigrated-database.ts';

test('every migration can be reverted and applied again, and leaves nothing behind', async () => {
  const { database, dispose } = await openTestDatabase();
  const left = () =>
    database.query(
      'left-behind',
      `select proname as name from pg_proc where pronamespace = 'public'::regnamespace
          -- Extensions stay, because others may use them.
          and oid not in (select objid from pg_depend where deptype = 'e')
        union all select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')
        order by 1`,
      [],
    );
  const before = await left();
  await database.orm.migrator.down({ to: 0 });
  expect((await left()).map((row) => (row as { name: string }).name)).toEqual([
    'stationmaster_migrations',
    'stationmaster_migrations_pkey',
  ]);
  await migrate(database);
  expect(await left()).toEqual(before);
  await dispose();
});

test('a second seeding adds nothing and keeps the existing rows', async () => {
  const { database, dispose } = await openTestDatabase();
  const fleet = { managers: 3, workstations: 1500 };
  const progress: number[][] = [];
  expect(await seedFleet(database, { ...fleet, onProgress: (...step) => progress.push(step) })).toBe(1503);
  expect(progress).toEqual([
    [3, 1503],
    [1003, 1503],
    [1503, 1503],
  ]);
  expect(await seedFleet(database, fleet)).toBe(0);
  await dispose();
});
