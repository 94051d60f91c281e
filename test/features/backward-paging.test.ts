import type { TestApp } from '../support/test-app.ts';
import { EVERY_ORDER, type Fleet, listOf, newestFirst, type OracleOrder } from './fleet-oracle.ts';
import { expectRefusal } from './refusal.ts';
import { startTiedFleet } from './tied-fleet.ts';

const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $orderBy: WorkstationOrder,
    $filter: WorkstationFilter) {
  workstations(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy, filter: $filter) {
    edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
const BY_NAME = { field: 'NAME', direction: 'ASC' } as const;

let testApp: TestApp;
let fleet: Fleet;
const ask: TestApp['ask'] = (document, options) => testApp.ask(document, options);

beforeAll(async () => {
  ({ testApp, fleet } = await startTiedFleet());
});

beforeEach(() => testApp.app.cache.clear());

afterAll(() => testApp.close());

const idsOf = (nodes: readonly { readonly id: string }[]) => nodes.map(({ id }) => id);
const inOrder = (orderBy: OracleOrder) => idsOf(listOf(fleet.workstations, {}, orderBy));

async function page(variables: Record<string, unknown>) {
  const { data, errors } = await ask(PAGE, { variables });
  expect(errors).toBeUndefined();
  return data.workstations;
}

async function cursorsOf(orderBy: OracleOrder): Promise<string[]> {
  return (await page({ first: 500, orderBy })).edges.map(({ cursor }: { cursor: string }) => cursor);
}

/** All ids of a list, from its last page to its first. `betweenPages` runs between two pages. */
async function walkBack(variables: Record<string, unknown>, betweenPages: () => Promise<unknown> = async () => {}) {
  const ids: string[] = [];
  let before: string | null = null;
  for (;;) {
    const { nodes, pageInfo } = await page({ ...variables, before });
    ids.unshift(...idsOf(nodes));
    if (!pageInfo.hasPreviousPage) return ids;
    before = pageInfo.startCursor;
    await betweenPages();
  }
}

describe('Walking a list backward', () => {
  test.each(EVERY_ORDER.map((order) => [order.field, order.direction, order] as const))(
    'by %s %s gives each row once, in the order of the list',
    async (_field, _direction, orderBy) => {
      expect(await walkBack({ last: 7, orderBy })).toEqual(inOrder(orderBy));
    },
  );

  test.each(EVERY_ORDER.map((order) => [order.field, order.direction, order] as const))(
    'by %s %s works from the cursor of any row, and between any two',
    async (_field, _direction, orderBy) => {
      const ids = inOrder(orderBy);
      const cursors = await cursorsOf(orderBy);
      const read = async (variables: object) => idsOf((await page({ orderBy, ...variables })).nodes);
      for (const place of [0, 1, 19, 20, 21, 40, 58, 59]) {
        const before = cursors[place];
        expect(await read({ last: 500, before })).toEqual(ids.slice(0, place));
        expect(await read({ last: 3, before })).toEqual(ids.slice(Math.max(place - 3, 0), place));
        expect(await read({ first: 3, before })).toEqual(ids.slice(0, Math.min(place, 3)));
        expect(await read({ last: 3, before, after: cursors[18] })).toEqual(
          ids.slice(19, Math.max(place, 19)).slice(-3),
        );
        expect(await read({ first: 3, before, after: cursors[18] })).toEqual(
          ids.slice(19, Math.max(place, 19)).slice(0, 3),
        );
        expect(await read({ last: 3, after: before })).toEqual(ids.slice(place + 1).slice(-3));
      }
    },
  );

  test('with a filter returns each matching row once', async () => {
    const filter = { status: ['ONLINE'], nameContains: '1' };
    expect(await walkBack({ last: 2, filter })).toEqual(idsOf(listOf(fleet.workstations, filter)));
  });

  test('misses and repeats no row that stays while others come and go', async () => {
    let turn = 0;
    const comeAndGo = async () => {
      turn++;
      await testApp.sql(
        `insert into workstation (name, hostname, ip_address, operating_system, cpu_usage)
          select 'passing-' || $1 || '-' || n, 'h', '10.0.0.1', 'x', nullif(20 * n, 60) from generate_series(1, 3) n`,
        [turn],
      );
      await testApp.sql(`delete from workstation where name like 'passing-' || $1 || '-%'`, [turn - 1]);
      await testApp.waitUntilHeard();
    };
    const orderBy = { field: 'CPU_USAGE', direction: 'DESC' } as const;
    const seen = await walkBack({ last: 11, orderBy }, comeAndGo);
    await testApp.sql(`delete from workstation where name like 'passing-%'`);
    await testApp.waitUntilHeard();
    const staying = new Set(inOrder(orderBy));
    expect(seen.filter((id) => staying.has(id))).toEqual(inOrder(orderBy));
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('of managers returns each once', async () => {
    const ids: string[] = [];
    let before: string | null = null;
    do {
      const { data } = await ask(
        `query ($before: String) { managers(last: 3, before: $before) {
          nodes { id } pageInfo { hasPreviousPage startCursor } } }`,
        { variables: { before } },
      );
      ids.unshift(...idsOf(data.managers.nodes));
      before = data.managers.pageInfo.hasPreviousPage ? data.managers.pageInfo.startCursor : null;
    } while (before);
    expect(ids).toEqual(idsOf(newestFirst(fleet.managers)));
  });

  test('of the workstations of all managers costs one statement', async () => {
    const document = `{ managers { nodes { id workstations(last: 2) {
      nodes { id } pageInfo { hasNextPage hasPreviousPage } } } } }`;
    await ask('{ managers { nodes { id } } }');
    const statements = await testApp.countStatements(async () => {
      const { data } = await ask(document);
      for (const { id: managerId, workstations } of data.managers.nodes) {
        const ids = idsOf(listOf(fleet.workstations, { managerId }));
        expect(idsOf(workstations.nodes)).toEqual(ids.slice(-2));
        expect(workstations.pageInfo).toEqual({ hasNextPage: false, hasPreviousPage: ids.length > 2 });
      }
    });
    expect(statements).toBe(1);
    expect(await testApp.countStatements(() => ask(document))).toBe(0);
  });
});

describe('Page information, paging backward,', () => {
  const flags = async (variables: object) => {
    const { pageInfo } = await page({ orderBy: BY_NAME, ...variables });
    return [pageInfo.hasPreviousPage, pageInfo.hasNextPage];
  };

  test('tells of the rows before the page, and behind it whether `before` was given', async () => {
    const cursors = await cursorsOf(BY_NAME);
    expect(await flags({ last: 59 })).toEqual([true, false]);
    expect(await flags({ last: 60 })).toEqual([false, false]);
    expect(await flags({ last: 10, before: cursors[11] })).toEqual([true, true]);
    expect(await flags({ last: 10, before: cursors[10] })).toEqual([false, true]);
  });

  test('tells of the rows between two cursors', async () => {
    const cursors = await cursorsOf(BY_NAME);
    const between = { after: cursors[9], before: cursors[20] };
    expect(await flags({ ...between, last: 9 })).toEqual([true, true]);
    expect(await flags({ ...between, last: 10 })).toEqual([false, true]);
    expect(await flags({ ...between, first: 9 })).toEqual([true, true]);
    expect(await flags({ ...between, first: 10 })).toEqual([true, false]);
    expect(await page({ orderBy: BY_NAME, after: cursors[20], before: cursors[9], last: 5 })).toMatchObject({
      nodes: [],
      pageInfo: { startCursor: null, endCursor: null, hasPreviousPage: false },
    });
  });

  test('has the cursors of the first and the last row in the order of the list', async () => {
    const { edges, pageInfo } = await page({ last: 5 });
    expect(pageInfo).toMatchObject({ startCursor: edges[0].cursor, endCursor: edges[4].cursor });
  });
});

describe('A page from the end', () => {
  test('is the same rows as paging forward, cached, and changes when rows come or go within it', async () => {
    const read = async () => idsOf((await page({ last: 3, orderBy: BY_NAME })).nodes);
    const rows = inOrder(BY_NAME);
    expect(await read()).toEqual(rows.slice(-3));
    expect(await testApp.countStatements(read)).toBe(0);
    const add = async (name: string) => {
      const [row] = await testApp.sql<{ id: string }>(
        `insert into workstation (name, hostname, ip_address, operating_system) values ($1, 'h', '10.0.0.1', 'x')
          returning id`,
        [name],
      );
      await testApp.waitUntilHeard();
      return row!.id;
    };
    await add('!first');
    expect(await testApp.countStatements(read)).toBe(0);
    const last = await add('~last');
    expect(await read()).toEqual([...rows.slice(-2), last]);
    await testApp.sql(`delete from workstation where name in ('!first', '~last')`);
    await testApp.waitUntilHeard();
    expect(await read()).toEqual(rows.slice(-3));
  });

  test('brings its managers along in the same statement', async () => {
    const statements = await testApp.countStatements(async () => {
      const { data } = await ask('{ workstations(last: 20) { nodes { id manager { name } } } }');
      expect(idsOf(data.workstations.nodes)).toEqual(idsOf(listOf(fleet.workstations)).slice(-20));
    });
    expect(statements).toBe(1);
  });

  test('is part of a list with the same total', async () => {
    const { data } = await ask('{ all: workstations { totalCount } end: workstations(last: 1) { totalCount } }');
    expect(data).toEqual({ all: { totalCount: 60 }, end: { totalCount: 60 } });
  });
});

describe('Page sizes', () => {
  test('null is as good as nothing, and 50 rows are the default in the direction that nothing names', async () => {
    const ids = idsOf(listOf(fleet.workstations));
    const read = async (variables: object) => idsOf((await page({ ...variables })).nodes);
    expect(await read({ first: null, last: 2 })).toEqual(ids.slice(-2));
    expect(await read({ first: 2, last: null })).toEqual(ids.slice(0, 2));
    expect(await read({ first: null, last: null, after: null, before: null })).toEqual(ids.slice(0, 50));
    const before = (await page({ last: 5 })).pageInfo.startCursor;
    expect(await read({ before })).toEqual(ids.slice(0, 50));
    const { data } = await ask(
      '{ a: workstations(first: null, last: 2) { nodes { id } } b: workstations(last: null) { nodes { id } } }',
    );
    expect([idsOf(data.a.nodes), idsOf(data.b.nodes)]).toEqual([ids.slice(-2), ids.slice(0, 50)]);
  });

  const LISTS = {
    workstations: '{ workstations(SIZES) { nodes { id } } }',
    managers: '{ managers(SIZES) { nodes { id } } }',
    'a manager’s workstations': '{ managers(first: 1) { nodes { workstations(SIZES) { nodes { id } } } } }',
  };

  test.each(
    Object.entries(LISTS).flatMap(([list, document]) =>
      ['last: 0', 'last: -1', 'last: 501', 'last: -2147483648', 'first: 1, last: 1', 'first: 0, last: 0'].map(
        (sizes) => [sizes, list, document] as const,
      ),
    ),
  )('%s is refused for %s', async (sizes, _list, document) => {
    expectRefusal(await ask(document.replace('SIZES', sizes)), 'BAD_USER_INPUT', 'last');
  });

  test.each(['2147483648', '1.5', '"5"', 'true'])('%s is not a page size', async (size) => {
    expectRefusal(await ask(LISTS.workstations.replace('SIZES', `last: ${size}`)), 'BAD_USER_INPUT');
  });
});

describe('Invalid cursors as `before`:', () => {
  const encode = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url');
  const ID = '01890000-0000-7000-8000-000000000000';

  test.each([
    ['text', 'the previous page, please'],
    ['no time', encode(['workstations CREATED_AT DESC', null, ID])],
    ['a malformed id', encode(['workstations CREATED_AT DESC', 1, "x' or true"])],
    ['of managers', encode(['managers CREATED_AT DESC', 1, ID])],
    ['of another order', encode(['workstations NAME ASC', 'x', ID])],
    ['of another direction', encode(['workstations CREATED_AT ASC', 1, ID])],
  ])('%s', async (_name, before) => {
    expectRefusal(await ask(PAGE, { variables: { last: 5, before } }), 'BAD_USER_INPUT', 'before');
    expectRefusal(await ask(PAGE, { variables: { first: 5, before } }), 'BAD_USER_INPUT', 'before');
  });

  test('nothing invalid reaches the database', async () => {
    const statements = await testApp.countStatements(async () => {
      await ask(PAGE, { variables: { before: 'x' } });
      await ask(PAGE, { variables: { last: 0 } });
      await ask(PAGE, { variables: { first: 1, last: 1 } });
    });
    expect(statements).toBe(0);
  });
});
