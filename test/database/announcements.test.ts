import { CHANNEL } from '../../src/changes/index.ts';
import { openDatabase } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { entities, migrations } from '../../src/features/index.ts';
import { createEmbeddedDatabase, createServerDatabase, engine } from '../../src/testing/test-database.ts';

/* What the triggers notify of, and what they do not. */

interface Announcement {
  readonly table: string;
  readonly schema: string;
  readonly relid: number;
  readonly at: number;
  readonly xid: string;
  readonly op: string;
  readonly isLast: boolean;
  readonly rows: readonly {
    readonly id: string;
    readonly version: number;
    readonly old?: object | null;
    readonly new?: object | null;
  }[];
}

let run: (...statements: string[]) => Promise<Record<string, unknown>[]>;
let heard: Announcement[];
let dispose: () => Promise<void>;

beforeEach(async () => {
  heard = [];
  const hear = (payload: string) => void heard.push(JSON.parse(payload));
  const schema = { entities, migrations };
  if (engine === 'postgresql') {
    const { url, dispose: drop } = await createServerDatabase();
    const database = await openDatabase({ kind: 'postgresql', url, poolSize: 2, changeFeed: 'notify' }, schema);
    await migrate(database);
    const session = await database.openSession();
    // What changes much would be too slow for the usual limit on a busy machine.
    await session.query('set statement_timeout to 0');
    session.on('notification', ({ payload }) => hear(payload!));
    await session.query(`listen ${CHANNEL}`);
    run = async (...statements) => {
      let rows: Record<string, unknown>[] = [];
      for (const statement of statements) ({ rows } = await session.query(statement));
      return rows;
    };
    dispose = async () => {
      session.destroy();
      await database.close();
      await drop();
    };
    return;
  }
  const { pglite, dispose: drop } = await createEmbeddedDatabase();
  const database = await openDatabase({ kind: 'pglite', dataDir: '' }, { ...schema, pglite });
  await migrate(database);
  await pglite.listen(CHANNEL, hear);
  run = async (...statements) => {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await pglite.query<Record<string, unknown>>(statement));
    return rows;
  };
  dispose = () => database.close().then(drop);
});

afterEach(() => dispose());

const PAIRED_ROWS = 10_000;

const insertManagers = (count: number) =>
  `insert into manager (name, email) select 'M', n || '@fleet.example' from generate_series(1, ${count}) n`;
const insertWorkstations = (count: number, size = 1) =>
  `insert into workstation (name, hostname, ip_address, operating_system)
    select 'W-' || n, 'w', '::1', repeat('x', ${size}) from generate_series(1, ${count}) n`;

const shown = () => heard.map(({ table, op, isLast, rows }) => [table, op, isLast, rows.length]);

describe('An announcement tells', () => {
  test.each(['insert', 'update', 'delete', 'truncate'])('of which table it is, and when the %s was', async (kind) => {
    await run(insertManagers(1), insertWorkstations(1));
    heard = [];
    const statements: Record<string, string> = {
      insert: insertWorkstations(2).replaceAll('W-', 'V-'),
      update: `update workstation set status = 'ERROR'`,
      delete: 'delete from workstation',
      truncate: 'truncate workstation',
    };
    const [before] = await run('select extract(epoch from clock_timestamp()) * 1000 as ms');
    await run(statements[kind]!);
    const [after] = await run(`select extract(epoch from clock_timestamp()) * 1000 as ms,
      'workstation'::regclass::oid::int as oid`);
    expect(heard).toMatchObject([{ table: 'workstation', schema: 'public', relid: after!.oid, isLast: true }]);
    expect(heard[0]!.at).toBeGreaterThanOrEqual(Number(before!.ms));
    expect(heard[0]!.at).toBeLessThanOrEqual(Number(after!.ms));
  });

  // The clock of the embedded database has whole milliseconds.
  const onServers = engine === 'postgresql' ? test : test.skip;
  onServers('when it was, to parts of a millisecond', async () => {
    await run(insertWorkstations(1));
    heard = [];
    // One of them may fall on a whole millisecond.
    for (const usage of [1, 2, 3, 4]) await run(`update workstation set cpu_usage = ${usage}`);
    expect(heard.filter(({ at }) => at % 1 !== 0).length).toBeGreaterThanOrEqual(2);
  });
});

test('An announced update has the old values of the columns that differ, and of no others', async () => {
  await run(insertWorkstations(3));
  await run(`update workstation set tags = '{a,"b\\",c"}', cpu_usage = 0.1, machine_id = '{"x":1}' where name = 'W-2'`);
  const [before] = await run(`select to_json(w) as row from workstation w where name = 'W-2'`);
  heard = [];
  const text = 'a "quoted", {"text":null}';
  await run(`update workstation set cpu_usage = null, memory_usage = 0.1, machine_id = '${text}', tags = tags[:1],
    status = status, hostname = 'w' where name = 'W-2'`);
  const [{ version, old, new: whole } = { old: null }] = heard.flatMap(({ rows }) => rows);
  expect({ ...whole, ...old }).toEqual(before!.row);
  expect(whole).toMatchObject({
    row_version: version,
    cpu_usage: null,
    memory_usage: 0.1,
    machine_id: text,
    tags: ['a'],
  });
  // Two updates may have the same millisecond.
  const differing = Object.keys(old!).filter((column) => column !== 'updated_at');
  expect(differing.sort()).toEqual(['cpu_usage', 'machine_id', 'memory_usage', 'row_version', 'tags', 'version']);
});

describe('A transaction that changes much', () => {
  test('announces 8 MB of rows one by one, and of a table that it changes further, that anything of it may differ', async () => {
    await run(insertWorkstations(5000, 2000));
    const everything = heard.at(-1)!;
    expect(everything).toMatchObject({ table: 'workstation', op: 'TRUNCATE', isLast: true, rows: [] });
    const parts = heard.slice(0, -1);
    expect(parts.every(({ isLast, op }) => !isLast && op === 'INSERT')).toBe(true);
    const bytes = parts.reduce((sum, { rows }) => sum + JSON.stringify(rows).length, 0);
    expect(bytes).toBeGreaterThan(7_700_000);
    expect(bytes).toBeLessThan(8_000_000);
  });

  test('counts what its statements announce together', async () => {
    await run('begin', insertManagers(2), insertWorkstations(2500, 2000), `update workstation set cpu_usage = 1`);
    heard = [];
    await run('update manager set name = name', 'update manager set name = name', 'delete from workstation', 'commit');
    const afterIt = heard.filter(({ op }) => op === 'TRUNCATE').map(({ table, xid }) => [table, xid]);
    // PostgreSQL leaves out a notification that equals another of its transaction.
    expect(afterIt).toEqual([
      ['workstation', heard[0]!.xid],
      ['manager', heard[0]!.xid],
    ]);
  });

  test('does not count what it has undone, nor what an earlier one did', async () => {
    await run('begin', 'savepoint s', insertWorkstations(5000, 2000), 'rollback to s', insertManagers(1), 'commit');
    await run(insertWorkstations(5000, 2000));
    heard = [];
    await run('update manager set name = name');
    expect(shown()).toEqual([['manager', 'UPDATE', true, 1]]);
  });

  test('leaves out the content of rows that are too big for a notification', async () => {
    await run(insertWorkstations(20, 500_000));
    expect(
      heard
        .slice(0, -1)
        .flatMap(({ rows }) => rows)
        .every((row) => !('new' in row)),
    ).toBe(true);
    expect(shown().at(-1)).toEqual(['workstation', 'TRUNCATE', true, 0]);
  });

  test('pairs the rows of an update quickly, though the session has planned for one row', async () => {
    const seconds = async (statement: string) => {
      const sinceMs = performance.now();
      await run(statement);
      return (performance.now() - sinceMs) / 1000;
    };
    await run(insertManagers(PAIRED_ROWS));
    for (let time = 0; time < 6; time++) await run(`update manager set name = 'm' where email = '1@fleet.example'`);
    heard = [];
    const planned = await seconds(`update manager set name = 'n'`);
    expect(heard.flatMap(({ rows }) => rows)).toHaveLength(PAIRED_ROWS);
    await run('discard plans');
    const plannedAnew = await seconds(`update manager set name = 'o'`);
    // A nested loop takes ten times as long.
    expect(planned).toBeLessThan(4 * plannedAnew);
  });
});
