import { defineEntity, p } from '@mikro-orm/core';
import { baseProperties } from '../../src/collections/index.ts';
import { openDatabase } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { entities, migrations } from '../../src/features/index.ts';
import { EXIT_CODE, StartError } from '../../src/process/start-error.ts';
import { createEmbeddedDatabase, createServerDatabase, engine } from '../../src/testing/test-database.ts';

const ShelfEntity = defineEntity({
  name: 'Shelf',
  tableName: 'shelf',
  properties: { ...baseProperties, name: p.text() },
});

const CREATE_SHELF = `create table shelf (id uuid primary key default uuid_v7(), name text not null,
  created_at timestamptz(3) not null default clock_timestamp(),
  updated_at timestamptz(3) not null default clock_timestamp(), version int not null default 1)`;

async function openTestDatabase(entitiesOfIt: typeof entities, migrationsOfIt = migrations) {
  const schema = { entities: entitiesOfIt, migrations: migrationsOfIt };
  if (engine === 'postgresql') {
    const { url, dispose } = await createServerDatabase();
    const database = await openDatabase({ kind: 'postgresql', url, poolSize: 4, changeFeed: 'notify' }, schema);
    return { database, dispose: () => database.close().then(dispose) };
  }
  const { pglite, dispose } = await createEmbeddedDatabase();
  const database = await openDatabase({ kind: 'pglite', dataDir: '' }, { ...schema, pglite });
  return { database, dispose: () => database.close().then(dispose) };
}

let statements = 0;
/** Each statement has a name of its own, because a name always comes with the same text. */
const run = (database: Awaited<ReturnType<typeof openTestDatabase>>['database'], text: string) =>
  database.execute<Record<string, unknown>>(`test-${++statements}`, text, []);

describe('A table of an entity', () => {
  test('must be followed, or the start fails in one line that says what to do', async () => {
    const { database, dispose } = await openTestDatabase([...entities, ShelfEntity]);
    await run(database, CREATE_SHELF);
    const message = "Changes of shelf are not announced to the cache: call follow_table('shelf') in a migration.";
    await expect(migrate(database)).rejects.toEqual(new StartError(EXIT_CODE.badConfiguration, message));
    await run(database, "select follow_table('shelf')");
    await migrate(database);
    await dispose();
  });

  test('must exist', async () => {
    const { database, dispose } = await openTestDatabase([...entities, ShelfEntity]);
    await expect(migrate(database)).rejects.toThrow('Changes of shelf are not announced');
    await dispose();
  });

  test.each([
    'drop trigger manager_announce_delete on manager',
    'alter table manager disable trigger manager_count_version',
  ])('must have every trigger: %s', async (statement) => {
    const { database, dispose } = await openTestDatabase(entities);
    await run(database, statement);
    await expect(migrate(database)).rejects.toThrow('Changes of manager are not announced');
    await dispose();
  });

  test('must have the trigger functions of this build', async () => {
    const { database, dispose } = await openTestDatabase(entities);
    await run(
      database,
      `create or replace function stationmaster_count_version() returns trigger language plpgsql
        as 'begin new.version := old.version + 1; return new; end'`,
    );
    const start = migrate(database).catch((error: Error) => error);
    const { message, exitCode } = (await start) as StartError;
    expect(exitCode).toBe(EXIT_CODE.badConfiguration);
    expect(message).toMatch(
      /^The function stationmaster_count_version\(\) is not that of this build\. To have it made again: /,
    );
    await run(database, /made again: (.*); and start/.exec(message)![1]!);
    await migrate(database);
    await dispose();
  });
});

describe('follow_table()', () => {
  test('makes the triggers that the first tables have had since their release', async () => {
    const { database, dispose } = await openTestDatabase(entities);
    await run(database, CREATE_SHELF);
    await run(database, "select follow_table('shelf')");
    const triggersOf = async (table: string) => {
      const rows = await run(
        database,
        `select replace(pg_get_triggerdef(oid), '${table}', 'TABLE') as definition from pg_trigger
          where tgrelid = '${table}'::regclass and not tgisinternal order by tgname`,
      );
      return rows.map(({ definition }) => definition);
    };
    expect(await triggersOf('shelf')).toEqual(await triggersOf('manager'));
    await dispose();
  });

  test('comes to a database that an earlier release migrated, whose rows stay', async () => {
    const released = ['20261122-fleet', '20261122-changes'];
    expect(migrations.slice(0, 2).map(({ name }) => name)).toEqual(released);
    const { database, dispose } = await openTestDatabase(entities);
    await database.orm.migrator.down({ to: '20261122-changes' });
    expect((await database.orm.migrator.getExecuted()).map(({ name }) => name)).toEqual(released);
    await run(database, "insert into manager (name, email) values ('Ada', 'ada@fleet.example')");
    await migrate(database);
    expect(await run(database, 'select name, version from manager')).toEqual([{ name: 'Ada', version: 1 }]);
    expect(await run(database, "select to_regproc('follow_table') is not null as exists")).toEqual([{ exists: true }]);
    await dispose();
  });
});
