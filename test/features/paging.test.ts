import type { TestApp } from '../support/test-app.ts';
import { EVERY_ORDER, type Fleet, listOf, newestFirst, type OracleOrder } from './fleet-oracle.ts';
import { expectRefusal } from './refusal.ts';
import { startTiedFleet } from './tied-fleet.ts';

const PAGE = `query ($first: Int, $after: String, $orderBy: WorkstationOrder, $filter: WorkstationFilter) {
  workstations(first: $first, after: $after, orderBy: $orderBy, filter: $filter) {
    edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;

let testApp: TestApp;
let fleet: Fleet;
const ask: TestApp['ask'] = (document, options) => testApp.ask(document, options);

beforeAll(async () => {
  ({ testApp, fleet } = await startTiedFleet());
});

beforeEach(() => testApp.app.cache.clear());

afterAll(() => testApp.close());

async function page(variables: Record<string, unknown>) {
  const { data, errors } = await ask(PAGE, { variables });
  expect(errors).toBeUndefined();
  return data.workstations;
}

/** All ids of a list in the order of its pages. `betweenPages` runs between two pages. */
async function walk(variables: Record<string, unknown>, betweenPages: () => Promise<unknown> = async () => {}) {
  const ids: string[] = [];
  let after: string | null = null;
  for (;;) {
    const { nodes, pageInfo } = await page({ ...variables, after });
    ids.push(...nodes.map(({ id }: { id: string }) => id));
    if (!pageInfo.hasNextPage) return ids;
    after = pageInfo.endCursor;
    await betweenPages();
  }
}

async function cursorOf(orderBy: OracleOrder, place = 0): Promise<string> {
  return (await page({ first: place + 1, orderBy })).edges[place].cursor;
}

describe('Walking a list', () => {
  test.each(EVERY_ORDER.map((order) => [order.field, order.direction, order] as const))(
    'by %s %s gives each row once, in order',
    async (_field, _direction, orderBy) => {
      expect(await walk({ first: 7, orderBy })).toEqual(listOf(fleet.workstations, {}, orderBy).map(({ id }) => id));
    },
  );

  test.each(EVERY_ORDER.map((order) => [order.field, order.direction, order] as const))(
    'by %s %s works from the cursor of any row',
    async (_field, _direction, orderBy) => {
      const rows = listOf(fleet.workstations, {}, orderBy).map(({ id }) => ({ id }));
      const { edges } = await page({ first: 500, orderBy });
      for (const place of [0, 19, 20, 21, 40, 58]) {
        expect((await page({ first: 500, orderBy, after: edges[place].cursor })).nodes).toEqual(rows.slice(place + 1));
      }
    },
  );

  test('with a filter returns each matching row once', async () => {
    const filter = { status: ['ONLINE'], nameContains: '1' };
    expect(await walk({ first: 2, filter })).toEqual(listOf(fleet.workstations, filter).map(({ id }) => id));
  });

  test('of a manager’s workstations works from the manager', async () => {
    const managerId = fleet.managers[0]!.id;
    const ids: string[] = [];
    let after: string | null = null;
    do {
      const { data } = await ask(
        `query ($id: ID!, $after: String) { manager(id: $id) { workstations(first: 2, after: $after) {
          nodes { id } pageInfo { hasNextPage endCursor } } } }`,
        { variables: { id: managerId, after } },
      );
      const { nodes, pageInfo } = data.manager.workstations;
      ids.push(...nodes.map(({ id }: { id: string }) => id));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after);
    expect(ids).toEqual(listOf(fleet.workstations, { managerId }).map(({ id }) => id));
  });

  test('of managers returns each once', async () => {
    const ids: string[] = [];
    let after: string | null = null;
    do {
      const { data } = await ask(
        'query ($after: String) { managers(first: 3, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }',
        { variables: { after } },
      );
      ids.push(...data.managers.nodes.map(({ id }: { id: string }) => id));
      after = data.managers.pageInfo.hasNextPage ? data.managers.pageInfo.endCursor : null;
    } while (after);
    expect(ids).toEqual(newestFirst(fleet.managers).map(({ id }) => id));
  });

  test.each(EVERY_ORDER.map((order) => [order.field, order.direction, order] as const))(
    'by %s %s misses and repeats no row that stays while others come and go',
    async (_field, _direction, orderBy) => {
      let turn = 0;
      const comeAndGo = async () => {
        turn++;
        await testApp.sql(
          `insert into workstation (name, hostname, ip_address, operating_system, status, cpu_usage, created_at)
            select 'passing-' || $1 || '-' || n, 'h', '10.0.0.1', 'x', (array['ERROR', 'ONLINE'])[n], 40 * n,
              timestamptz '2020-01-01' + n * interval '4 years' from generate_series(1, 2) n`,
          [turn],
        );
        await testApp.sql(`delete from workstation where name like 'passing-' || $1 || '-%'`, [turn - 1]);
        await testApp.waitUntilHeard();
      };
      const seen = await walk({ first: 11, orderBy }, comeAndGo);
      const staying = new Set(fleet.workstations.map(({ id }) => id));
      expect(seen.filter((id) => staying.has(id))).toEqual(listOf(fleet.workstations, {}, orderBy).map(({ id }) => id));
      expect(new Set(seen).size).toBe(seen.length);
      await testApp.sql(`delete from workstation where name like 'passing-%'`);
      await testApp.waitUntilHeard();
    },
  );

  test('continues after a row that was deleted meanwhile', async () => {
    const orderBy = { field: 'NAME', direction: 'ASC' } as const;
    await testApp.sql(`insert into workstation (name, hostname, ip_address, operating_system)
      values ('!first', 'h', '10.0.0.1', 'x')`);
    await testApp.waitUntilHeard();
    const { pageInfo } = await page({ first: 1, orderBy });
    await testApp.sql(`delete from workstation where name = '!first'`);
    await testApp.waitUntilHeard();
    const rows = listOf(fleet.workstations, {}, orderBy).map(({ id }) => ({ id }));
    expect((await page({ first: 3, orderBy, after: pageInfo.endCursor })).nodes).toEqual(rows.slice(0, 3));
  });
});

describe('Page information', () => {
  const rowsInOrder = () => listOf(fleet.workstations).map(({ id }) => id);

  test('of the first page, of one in the middle and of the last', async () => {
    const first = await page({ first: 25 });
    const middle = await page({ first: 25, after: first.pageInfo.endCursor });
    const last = await page({ first: 25, after: middle.pageInfo.endCursor });
    const flags = [first, middle, last].map(({ pageInfo }) => [pageInfo.hasPreviousPage, pageInfo.hasNextPage]);
    expect(flags).toEqual([
      [false, true],
      [true, true],
      [true, false],
    ]);
    expect([first, middle, last].flatMap(({ nodes }) => nodes.map(({ id }: { id: string }) => id))).toEqual(
      rowsInOrder(),
    );
    for (const { edges, nodes, pageInfo } of [first, middle, last]) {
      expect(edges.map(({ node }: { node: unknown }) => node)).toEqual(nodes);
      expect(pageInfo.startCursor).toBe(edges[0].cursor);
      expect(pageInfo.endCursor).toBe(edges.at(-1).cursor);
    }
  });

  test('reports no next page if a page holds exactly the rest', async () => {
    expect((await page({ first: fleet.workstations.length })).pageInfo.hasNextPage).toBe(false);
    expect((await page({ first: fleet.workstations.length - 1 })).pageInfo.hasNextPage).toBe(true);
  });

  test('of an empty page has no cursors', async () => {
    const after = (await page({ first: 500 })).pageInfo.endCursor;
    expect(await page({ first: 5, after })).toEqual({
      edges: [],
      nodes: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null },
    });
  });

  test('changes when a row is added after the last page, or the only row after a page is deleted', async () => {
    const orderBy = { field: 'NAME', direction: 'ASC' };
    const whole = { first: fleet.workstations.length, orderBy };
    expect((await page(whole)).pageInfo.hasNextPage).toBe(false);
    await testApp.sql(`insert into workstation (name, hostname, ip_address, operating_system)
      values ('~last', 'h', '10.0.0.1', 'x')`);
    await testApp.waitUntilHeard();
    expect((await page(whole)).pageInfo.hasNextPage).toBe(true);
    await testApp.sql(`delete from workstation where name = '~last'`);
    await testApp.waitUntilHeard();
    expect((await page(whole)).pageInfo.hasNextPage).toBe(false);
  });
});

describe('Page sizes', () => {
  const LISTS = {
    workstations: '{ workstations(first: SIZE) { nodes { id } } }',
    managers: '{ managers(first: SIZE) { nodes { id } } }',
    'a manager’s workstations': '{ managers(first: 1) { nodes { workstations(first: SIZE) { nodes { id } } } } }',
  };

  test.each(
    Object.entries(LISTS).flatMap(([list, document]) =>
      [0, -1, 501, -2147483648].map((size) => [size, list, document] as const),
    ),
  )('%i is refused for %s', async (size, _list, document) => {
    expectRefusal(await ask(document.replace('SIZE', String(size))), 'BAD_USER_INPUT', 'first');
  });

  test.each(['2147483648', '1.5', '"5"', 'true'])('%s is not a page size', async (size) => {
    expectRefusal(await ask(LISTS.workstations.replace('SIZE', size)), 'BAD_USER_INPUT');
  });

  test('1 and 500 are accepted, and null stands for 50', async () => {
    expect((await page({ first: 1 })).nodes).toHaveLength(1);
    expect((await page({ first: 500 })).nodes).toHaveLength(60);
    expect((await page({ first: null })).nodes).toHaveLength(50);
  });
});

describe('Invalid cursors:', () => {
  const encode = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url');
  const ID = '01890000-0000-7000-8000-000000000000';
  const NEWEST = 'workstations CREATED_AT DESC';

  test.each([
    ['empty', ''],
    ['text', 'the next page, please'],
    ['random base64', 'q83vEjRWeJCrze8='],
    ['random JSON', encode({ first: 1 })],
    ['an oversized cursor', 'A'.repeat(100_000)],
    ['an oversized name', encode(['workstations NAME ASC', 'x'.repeat(3000), ID])],
    ['no id', encode([NEWEST, 1, null])],
    ['a malformed id', encode([NEWEST, 1, "x' or true"])],
    ['an object as value', encode([NEWEST, {}, ID])],
    ['deeply nested JSON', Buffer.from('['.repeat(1500)).toString('base64url')],
    ['a text as time', encode([NEWEST, 'yesterday', ID])],
    ['no time', encode([NEWEST, null, ID])],
    ['a time beyond all calendars', encode([NEWEST, 8.64e15 + 1, ID])],
    ['a time that PostgreSQL does not know', encode([NEWEST, -8.64e15, ID])],
    ['a part of a millisecond', encode([NEWEST, 0.5, ID])],
  ])('%s', async (_name, after) => {
    expectRefusal(await ask(PAGE, { variables: { after } }), 'BAD_USER_INPUT', 'after');
  });

  test.each([
    ['NAME', 7],
    ['NAME', null],
    ['NAME', 'nul \0 character'],
    ['NAME', 'half a character: \ud800'],
    ['STATUS', 7],
    ['CPU_USAGE', 'high'],
    ['LAST_SEEN_AT', 'lately'],
    ['LAST_SEEN_AT', 1e300],
  ])('a forged one by %s with the value %p', async (field, value) => {
    const after = encode([`workstations ${field} ASC`, value, ID]);
    const variables = { after, orderBy: { field, direction: 'ASC' } };
    expectRefusal(await ask(PAGE, { variables }), 'BAD_USER_INPUT', 'after');
  });

  test('of another order or another direction', async () => {
    const after = await cursorOf({ field: 'NAME', direction: 'ASC' });
    for (const orderBy of [null, { field: 'NAME', direction: 'DESC' }, { field: 'STATUS', direction: 'ASC' }]) {
      expectRefusal(await ask(PAGE, { variables: { after, orderBy } }), 'BAD_USER_INPUT', 'after');
    }
  });

  test('of managers for workstations, and the reverse', async () => {
    const { data } = await ask('{ managers(first: 1) { pageInfo { endCursor } } }');
    expectRefusal(
      await ask(PAGE, { variables: { after: data.managers.pageInfo.endCursor } }),
      'BAD_USER_INPUT',
      'after',
    );
    const after = await cursorOf({ field: 'CREATED_AT', direction: 'DESC' });
    const managers = 'query ($after: String) { managers(after: $after) { nodes { id } } }';
    expectRefusal(await ask(managers, { variables: { after } }), 'BAD_USER_INPUT', 'after');
    expectRefusal(
      await ask(managers, { variables: { after: encode(['managers CREATED_AT DESC', 'x', ID]) } }),
      'BAD_USER_INPUT',
      'after',
    );
  });

  test('no invalid cursor reaches the database', async () => {
    const statements = await testApp.countStatements(async () => {
      await ask(PAGE, { variables: { after: 'x' } });
      await ask(PAGE, { variables: { after: encode([NEWEST, 'yesterday', ID]) } });
    });
    expect(statements).toBe(0);
  });
});
