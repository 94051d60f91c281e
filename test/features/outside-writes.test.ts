import { jest } from '@jest/globals';
import { type Answer, startTestApp, type TestApp } from '../support/test-app.ts';
import { listOf, newestFirst, readFleet, shown, WORKSTATION_FIELDS } from './fleet-oracle.ts';

const LIST = `query ($filter: WorkstationFilter, $orderBy: WorkstationOrder) {
  workstations(first: 500, filter: $filter, orderBy: $orderBy) { totalCount nodes { ${WORKSTATION_FIELDS} } } }`;
const NESTED =
  '{ managers(first: 60) { totalCount nodes { id name workstations(first: 500) { totalCount nodes { id status } } } } }';

let testApp: TestApp;
const ask: TestApp['ask'] = (document, options) => testApp.ask(document, options);

beforeEach(async () => {
  await testApp.sql('delete from workstation');
  await testApp.sql('delete from manager');
  await testApp.sql(
    `insert into manager (name, email) select 'Manager ' || n, n || '@fleet.example' from generate_series(1, 4) n`,
  );
  await testApp.sql(`insert into workstation (name, hostname, ip_address, operating_system, status, manager_id)
    select 'W-' || n, 'w-' || n, ('10.0.0.' || n)::inet, 'Linux', (array['ONLINE', 'OFFLINE'])[1 + n % 2],
      (select id from manager where email = (1 + n % 4) || '@fleet.example')
    from generate_series(1, 24) n`);
  await testApp.waitUntilHeard();
});

beforeAll(async () => {
  testApp = await startTestApp();
});

afterAll(() => testApp.close());

const VIEWS: readonly { filter?: object; orderBy?: { field: 'NAME' | 'CPU_USAGE'; direction: 'ASC' | 'DESC' } }[] = [
  {},
  { filter: { status: ['ONLINE'] } },
  { filter: { unmanaged: true } },
  { filter: { nameContains: '1' } },
  { orderBy: { field: 'NAME', direction: 'ASC' } },
  { orderBy: { field: 'CPU_USAGE', direction: 'DESC' } },
];

/** Reads everything that `expectFresh` compares, so that it is cached. */
async function warmUp() {
  for (const variables of VIEWS) await ask(LIST, { variables });
  await ask(NESTED);
  for (const { id } of (await readFleet(testApp)).workstations) await ask(`{ workstation(id: "${id}") { id } }`);
}

/** Every list, record, count and nested list equals the content of the tables. */
async function expectFresh() {
  const fleet = await readFleet(testApp);
  for (const variables of VIEWS) {
    const rows = listOf(fleet.workstations, variables.filter, variables.orderBy);
    expect((await ask(LIST, { variables })).data.workstations).toEqual({
      totalCount: rows.length,
      nodes: rows.slice(0, 500).map((row) => shown(row, fleet)),
    });
  }
  expect((await ask(NESTED)).data.managers).toEqual({
    totalCount: fleet.managers.length,
    nodes: newestFirst(fleet.managers).map(({ id, name }) => {
      const rows = listOf(fleet.workstations, { managerId: id });
      const nodes = rows.slice(0, 500).map((row) => ({ id: row.id, status: row.status }));
      return { id, name, workstations: { totalCount: rows.length, nodes } };
    }),
  });
}

async function statementsFor(document: string, variables?: Record<string, unknown>): Promise<number> {
  return testApp.countStatements(() => ask(document, { variables }));
}

describe('Every view is fresh after', () => {
  const writes: readonly (readonly [string, readonly string[]])[] = [
    [
      'an insert',
      [`insert into workstation (name, hostname, ip_address, operating_system) values ('A1', 'a', '::1', 'x')`],
    ],
    [
      'an insert of many rows',
      [
        `insert into workstation (name, hostname, ip_address, operating_system, manager_id)
          select 'M-' || n, 'm', '10.0.0.1', 'x', (select id from manager limit 1) from generate_series(1, 300) n`,
      ],
    ],
    ['an update of one row', [`update workstation set name = 'Renamed', status = 'ERROR' where name = 'W-5'`]],
    ['an update that renames two rows', [`update workstation set name = name || '-x' where name in ('W-1', 'W-2')`]],
    ['an update of every row', [`update workstation set status = 'ONLINE', cpu_usage = ascii(right(name, 1))`]],
    ['a change of manager for many', [`update workstation set manager_id = (select min(id::text)::uuid from manager)`]],
    ['a change of the time of creation', [`update workstation set created_at = '2020-01-01' where name like 'W-1%'`]],
    ['a delete', [`delete from workstation where name = 'W-7'`]],
    ['a delete of many rows', [`delete from workstation where status = 'ONLINE'`]],
    ['a delete of every row', ['delete from workstation']],
    ['a truncate', ['truncate workstation']],
    ['a truncate of both tables', ['truncate manager, workstation']],
    ['a truncate that cascades', ['truncate manager cascade']],
    ['a delete of a manager', [`delete from manager where email = '2@fleet.example'`]],
    ['a delete of all managers', ['delete from manager']],
    ['a rename of managers', [`update manager set name = 'Boss ' || name`]],
    ['a new manager', [`insert into manager (name, email) values ('New', 'new@fleet.example')`]],
    [
      'an upsert',
      [
        `insert into workstation (name, hostname, ip_address, operating_system)
        values ('W-3', 'upserted', '10.0.0.1', 'x'), ('W-300', 'upserted', '10.0.0.1', 'x')
        on conflict (name) do update set hostname = excluded.hostname, status = 'ERROR'`,
      ],
    ],
    [
      'one statement that writes three times',
      [
        `with gone as (delete from workstation where name = 'W-1' returning manager_id),
        changed as (update workstation set status = 'MAINTENANCE' where name = 'W-2')
        insert into workstation (name, hostname, ip_address, operating_system, manager_id)
          select 'W-1b', 'again', inet '10.0.0.1', 'x', manager_id from gone`,
      ],
    ],
    [
      'a transaction of several statements',
      [
        'begin',
        `update workstation set status = 'ERROR' where name = 'W-1'`,
        `update workstation set status = 'ONLINE' where name = 'W-1'`,
        `delete from workstation where name = 'W-2'`,
        `insert into workstation (name, hostname, ip_address, operating_system) values ('W-2', 'b', '::2', 'x')`,
        'commit',
      ],
    ],
    [
      'a savepoint that is rolled back',
      [
        'begin',
        `update workstation set status = 'ERROR' where name = 'W-1'`,
        'savepoint before',
        `delete from workstation`,
        'rollback to before',
        'commit',
      ],
    ],
    [
      'a row of 9,000 characters, too big to be announced',
      [`update workstation set operating_system = repeat('x', 9000), status = 'ERROR' where name = 'W-1'`],
    ],
    [
      'a new row of 9,000 characters',
      [
        `insert into workstation (name, hostname, ip_address, operating_system) values ('Big', 'b', '::1', repeat('€', 9000))`,
      ],
    ],
    [
      'the end of a row of 9,000 characters',
      [
        `update workstation set operating_system = repeat('x', 9000) where name = 'W-1'`,
        `delete from workstation where name = 'W-1'`,
      ],
    ],
    [
      'rows that are together too big to be announced one by one',
      [
        `update workstation set operating_system = repeat('x', 500000), status = 'ERROR' where name like 'W-1%' or name like 'W-2%'`,
      ],
    ],
    [
      'what follows them in the same transaction',
      [
        'begin',
        `update workstation set operating_system = repeat('x', 500000)`,
        `update workstation set status = 'ERROR' where name = 'W-1'`,
        `delete from manager where email = '2@fleet.example'`,
        'commit',
      ],
    ],
    [
      'what follows them after a return to a savepoint',
      [
        'begin',
        'savepoint before',
        `update workstation set operating_system = repeat('x', 500000)`,
        'rollback to before',
        `update workstation set status = 'ERROR' where name = 'W-1'`,
        'commit',
      ],
    ],
    [
      'a session whose search path is empty',
      [
        'begin',
        `set local search_path = ''`,
        `update public.workstation set status = 'ERROR' where name = 'W-1'`,
        `insert into public.manager (name, email) values ('New', 'new@fleet.example')`,
        `delete from public.manager where email = '2@fleet.example'`,
        'commit',
      ],
    ],
    [
      'big and small rows in one statement',
      [`update workstation set status = 'ERROR', operating_system = repeat('y', 400 * ascii(right(name, 1)) - 19000)`],
    ],
  ];

  test.each(writes)('%s', async (_name, statements) => {
    await warmUp();
    for (const statement of statements) await testApp.sql(statement);
    await testApp.waitUntilHeard();
    await expectFresh();
  });

  test('a session with its own time zone, date style and float format', async () => {
    await warmUp();
    await testApp.sql('begin');
    for (const setting of [`timezone = 'Asia/Kolkata'`, `datestyle = 'German'`, 'extra_float_digits = -10']) {
      await testApp.sql(`set local ${setting}`);
    }
    await testApp.sql(`update workstation set cpu_usage = 33.123456789012345, last_seen_at = now() where name = 'W-1'`);
    await testApp.sql('commit');
    await testApp.waitUntilHeard();
    await expectFresh();
  });

  test('two updates of the same rows right after one another', async () => {
    await warmUp();
    await testApp.sql(`update workstation set cpu_usage = 1`);
    await testApp.sql(`update workstation set cpu_usage = 2`);
    await testApp.waitUntilHeard();
    await expectFresh();
  });
});

describe('An update of 1,000 rows in one statement', () => {
  test('is announced completely: the list is still cached and shows every new value', async () => {
    await testApp.sql(`insert into workstation (name, hostname, ip_address, operating_system)
      select 'Many-' || n, 'many', '10.0.0.1', repeat('Linux ', 20) from generate_series(1, 976) n`);
    await testApp.waitUntilHeard();
    const pages = '{ a: workstations(first: 500) { totalCount nodes { id cpuUsage } pageInfo { endCursor } } }';
    const { endCursor } = (await ask(pages)).data.a.pageInfo;
    const both = `query ($after: String) { a: workstations(first: 500) { nodes { cpuUsage } }
      b: workstations(first: 500, after: $after) { nodes { cpuUsage } } }`;
    await ask(both, { variables: { after: endCursor } });
    await testApp.sql('update workstation set cpu_usage = 77');
    await testApp.waitUntilHeard();
    let answer: Answer;
    const statements = await testApp.countStatements(async () => {
      answer = await ask(both, { variables: { after: endCursor } });
    });
    expect(statements).toBe(0);
    const shownValues = [...answer!.data.a.nodes, ...answer!.data.b.nodes].map(({ cpuUsage }) => cpuUsage);
    expect(shownValues).toEqual(Array(1000).fill(77));
  });
});

describe('Nothing is loaded again after', () => {
  test('a transaction that is rolled back', async () => {
    await warmUp();
    for (const statement of [
      'begin',
      `update workstation set status = 'ERROR'`,
      'delete from workstation',
      `insert into manager (name, email) values ('Nobody', 'nobody@fleet.example')`,
      'rollback',
    ]) {
      await testApp.sql(statement);
    }
    await testApp.waitUntilHeard();
    for (const variables of VIEWS) expect(await statementsFor(LIST, variables)).toBe(0);
    expect(await statementsFor(NESTED)).toBe(0);
    await expectFresh();
  });

  test('a statement that touches no row', async () => {
    await warmUp();
    await testApp.sql(`update workstation set status = 'ERROR' where name = 'nobody'`);
    await testApp.sql(`delete from manager where name = 'nobody'`);
    await testApp.waitUntilHeard();
    for (const variables of VIEWS) expect(await statementsFor(LIST, variables)).toBe(0);
    expect(await statementsFor(NESTED)).toBe(0);
  });

  test('a rename of a manager, whose new name is announced', async () => {
    await warmUp();
    await testApp.sql(`update manager set name = 'Renamed' where email = '1@fleet.example'`);
    await testApp.waitUntilHeard();
    for (const variables of VIEWS) expect(await statementsFor(LIST, variables)).toBe(0);
    expect(await statementsFor(NESTED)).toBe(0);
    await expectFresh();
  });
});

describe('Only affected values are loaded again', () => {
  test('a change of status keeps lists that do not depend on it', async () => {
    await warmUp();
    await testApp.sql(`update workstation set status = 'ERROR' where name = 'W-2'`);
    await testApp.waitUntilHeard();
    const statements = [];
    for (const variables of VIEWS) statements.push(await statementsFor(LIST, variables));
    // Only the list of ONLINE workstations, as W-2 was, may be loaded again.
    expect(statements.filter((_count, view) => view !== 1)).toEqual([0, 0, 0, 0, 0]);
    expect(await statementsFor(NESTED)).toBe(0);
  });

  test('a workstation of one manager keeps the lists of other managers', async () => {
    const fleet = await readFleet(testApp);
    const [mine, other] = fleet.managers;
    const list = (id: string) => `{ manager(id: "${id}") { workstations { totalCount nodes { id } } } }`;
    await ask(list(mine!.id));
    await ask(list(other!.id));
    await testApp.sql(
      `insert into workstation (name, hostname, ip_address, operating_system, manager_id) values ('Mine', 'm', '::1', 'x', $1)`,
      [mine!.id],
    );
    await testApp.waitUntilHeard();
    expect(await statementsFor(list(other!.id))).toBe(0);
    // Two statements load the page, the count and the record that is new to the cache.
    expect(await statementsFor(list(mine!.id))).toBe(2);
  });

  test('a new workstation keeps the pages that do not contain it', async () => {
    const page =
      'query ($after: String) { workstations(first: 5, after: $after) { nodes { id } pageInfo { endCursor } } }';
    const first = (await ask(page)).data.workstations;
    const after = first.pageInfo.endCursor;
    const second = (await ask(page, { variables: { after } })).data.workstations;
    await testApp.sql(
      `insert into workstation (name, hostname, ip_address, operating_system) values ('New', 'n', '::1', 'x')`,
    );
    await testApp.waitUntilHeard();
    expect(await statementsFor(page, { after })).toBe(0);
    expect((await ask(page, { variables: { after } })).data.workstations).toEqual(second);
    expect(await statementsFor(page)).toBe(1);
  });
});

test('Values written by another program are shown unchanged, even if the API would refuse them as input', async () => {
  await testApp.sql(`update manager set email = 'no address' where email = '1@fleet.example'`);
  await testApp.waitUntilHeard();
  const { data, errors } = await ask('{ managers { nodes { email } } }');
  expect(errors).toBeUndefined();
  expect(data.managers.nodes).toContainEqual({ email: 'no address' });
});

test('a page whose rows are deleted while it is being read is a whole page, as of after the deletion', async () => {
  const { database } = testApp.app;
  const readRows = database.readRows.bind(database) as (statement: unknown) => Promise<never>;
  const spy = jest.spyOn(database, 'readRows').mockImplementation(async (statement: unknown) => {
    const rows = await readRows(statement);
    spy.mockRestore();
    await testApp.sql(`delete from workstation where name = 'W-10'`);
    await testApp.waitUntilHeard();
    return rows;
  });
  const page = `workstations(first: 3, orderBy: { field: NAME, direction: ASC }) {
    nodes { name } pageInfo { hasNextPage } }`;
  let answer: Answer | undefined;
  const statements = await testApp.countStatements(async () => {
    answer = await ask(`{ one: ${page} other: ${page} }`);
  });
  const whole = { nodes: [{ name: 'W-1' }, { name: 'W-11' }, { name: 'W-12' }], pageInfo: { hasNextPage: true } };
  expect(answer).toEqual({ data: { one: whole, other: whole } });
  expect(statements).toBe(3);
});
