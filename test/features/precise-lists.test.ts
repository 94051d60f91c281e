import fc from 'fast-check';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import {
  comparePlaces,
  DIRECTIONS,
  type Fleet,
  listOf,
  ORDER_FIELDS,
  type OracleFilter,
  type OracleOrder,
  type OraclePlace,
  type OracleWorkstation,
  placeOf,
  readFleet,
  shown,
  WORKSTATION_FIELDS,
} from './fleet-oracle.ts';

/*
 * Compares cached lists with an oracle after every change of the fleet. A list must be answered without SQL if none of
 * its rows, none of their positions and not the row after the page has changed.
 */

// Enough to find each fault that was planted as a trial, within seconds.
const NUM_RUNS = 30;

const page = (fields: string) => `query ($first: Int, $after: String, $last: Int, $before: String,
    $filter: WorkstationFilter, $orderBy: WorkstationOrder) {
  workstations(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
    ${fields} } }`;
const LIST = page(`nodes { ${WORKSTATION_FIELDS} } pageInfo { hasNextPage hasPreviousPage }`);
const COUNT = page('totalCount');
const CURSORS = page('edges { cursor }');

const STATUSES = ['ONLINE', 'OFFLINE', 'ERROR'] as const;
const TEXTS = ['a', 'A', 'b', '%', '_', 'é', '｡', '🖥'];
const NEW_ROW = { hostname: 'h', ipAddress: '10.0.0.1', operatingSystem: 'x' };

let testApp: TestApp;
const ask: TestApp['ask'] = (document, options) => testApp.ask(document, options);

beforeAll(async () => {
  testApp = await startTestApp();
});

afterAll(() => testApp.close());

const status = fc.constantFrom(...STATUSES);
const usage = fc.constantFrom(null, 0, 10, 50, 50.5, 100);
const time = fc.constantFrom('2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.001Z', '2025-06-30T12:00:00.000Z');
const name = fc.tuple(fc.constantFrom(...TEXTS), fc.constantFrom(...TEXTS), fc.nat(9)).map((parts) => parts.join(''));
/** Selects a row or a manager by this index, modulo their number. */
const place = fc.nat(50);
/** `null`: no manager. */
const manager = fc.option(fc.nat(2), { freq: 3 });

/** Filters omit most parts, so that few lists are empty. */
const query = fc.record({
  filter: fc.record({
    status: fc.option(fc.uniqueArray(status, { minLength: 1, maxLength: 2 }), { nil: undefined, freq: 2 }),
    manager: fc.constantFrom(undefined, undefined, undefined, 0, 1, 2),
    nameContains: fc.constantFrom(undefined, undefined, undefined, undefined, 'a', 'B', '%', '_', 'é'),
    unmanaged: fc.constantFrom(undefined, undefined, undefined, undefined, true, false),
  }),
  order: fc.record({ field: fc.constantFrom(...ORDER_FIELDS), direction: fc.constantFrom(...DIRECTIONS) }),
  size: fc.integer({ min: 1, max: 6 }),
  isBackward: fc.boolean(),
  /** The number of skipped rows: at the start of the list, or backward at its end. */
  skipped: fc.nat(4),
});

const values = fc.record(
  { name, status, cpuUsage: usage, lastSeenAt: fc.option(time), createdAt: time, manager },
  { requiredKeys: [] },
);

const change = fc.oneof(
  fc.record({ kind: fc.constant('create' as const), name, status, manager }),
  fc.record({ kind: fc.constant('update' as const), place, name: fc.option(name), status, manager }),
  fc.record({ kind: fc.constant('delete' as const), place }),
  fc.record({
    kind: fc.constant('report' as const),
    places: fc.array(place, { minLength: 1, maxLength: 3 }),
    cpuUsage: usage,
    status,
  }),
  fc.record({ kind: fc.constant('rename manager' as const), manager: fc.nat(2), name }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('sql update' as const),
      places: fc.array(place, { maxLength: 4 }),
      values,
    }),
  },
  fc.record({ kind: fc.constant('sql insert' as const), names: fc.array(name, { maxLength: 3 }), values }),
  fc.record({ kind: fc.constant('sql delete' as const), places: fc.array(place, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('sql delete manager' as const), manager: fc.nat(2) }),
);

type Query = (typeof query)['generate'] extends (...args: never[]) => { value: infer Value } ? Value : never;
type Change = (typeof change)['generate'] extends (...args: never[]) => { value: infer Value } ? Value : never;

/** A list that is read repeatedly. */
interface Watch {
  readonly filter: OracleFilter;
  readonly order: OracleOrder;
  readonly size: number;
  readonly isBackward: boolean;
  /** Where the page begins, read in its direction; as it was at the beginning. */
  readonly cursor: OraclePlace | null;
  readonly variables: Record<string, unknown>;
}

async function newFleet(): Promise<readonly string[]> {
  await testApp.sql('truncate manager, workstation');
  const managers = await testApp.sql<{ id: string }>(
    `insert into manager (name, email) select 'M' || n, n || '@fleet.example' from generate_series(0, 2) n returning id`,
  );
  await testApp.sql(
    `insert into workstation (name, hostname, ip_address, operating_system, status, cpu_usage, manager_id)
      select (array['a', 'B', '%b', '_', 'é', 'A', '｡'])[1 + n % 7] || n, 'h', '10.0.0.1', 'x',
        (array['ONLINE', 'OFFLINE', 'ERROR'])[1 + n % 3], (array[null, 10, 50, 50.5])[1 + n % 4],
        ($1::uuid[])[1 + n % 4] from generate_series(0, 11) n`,
    [managers.map(({ id }) => id)],
  );
  await testApp.waitUntilHeard();
  // So that every manager that a workstation may get is cached.
  await ask('{ managers { nodes { id } } }');
  return managers.map(({ id }) => id);
}

async function watch(
  { filter: wanted, order, size, isBackward, skipped }: Query,
  managers: readonly string[],
): Promise<Watch> {
  const { manager: managerPlace, ...rest } = wanted;
  const filter = { ...rest, ...(managerPlace === undefined ? {} : { managerId: managers[managerPlace]! }) };
  const rows = listOf((await readFleet(testApp)).workstations, filter, order);
  const { data } = await ask(CURSORS, { variables: { first: 500, filter, orderBy: order } });
  const at = skipped === 0 ? -1 : isBackward ? Math.max(rows.length - skipped, 0) : Math.min(skipped, rows.length) - 1;
  const row = rows[at];
  const cursor = row ? data.workstations.edges[at].cursor : null;
  return {
    filter,
    order,
    size,
    isBackward,
    cursor: row ? placeOf(order, row) : null,
    variables: {
      filter,
      orderBy: order,
      ...(isBackward ? { last: size, before: cursor } : { first: size, after: cursor }),
    },
  };
}

/** The rows from the cursor on, in the order in which they are read. */
function rowsBeyond({ cursor, filter, order, isBackward }: Watch, { workstations }: Fleet): OracleWorkstation[] {
  const rows = listOf(workstations, filter, order);
  const sign = isBackward ? -1 : 1;
  if (isBackward) rows.reverse();
  return cursor ? rows.filter((row) => sign * comparePlaces(order, placeOf(order, row), cursor) > 0) : rows;
}

/** The content of the page: the positions of its rows and of the row beyond them. */
function windowOf(list: Watch, fleet: Fleet): string {
  const rows = rowsBeyond(list, fleet).slice(0, list.size + 1);
  return JSON.stringify(rows.map((row) => placeOf(list.order, row)));
}

function membersOf({ filter }: Watch, { workstations }: Fleet): string {
  return JSON.stringify(
    listOf(workstations, filter)
      .map(({ id }) => id)
      .sort(),
  );
}

async function apply(step: Change, { workstations }: Fleet, managers: readonly string[]): Promise<unknown> {
  const ids = workstations.map(({ id }) => id).sort();
  const idAt = (index: number) => ids[index % ids.length] ?? managers[0]!;
  const managerIdAt = (index: number | null | undefined) => (index == null ? null : managers[index]!);
  const tell = (document: string, variables: Record<string, unknown>) => ask(document, { variables });
  switch (step.kind) {
    case 'create': {
      const input = { ...NEW_ROW, name: step.name, status: step.status, managerId: managerIdAt(step.manager) };
      return tell('mutation ($input: CreateWorkstationInput!) { createWorkstation(input: $input) { id } }', { input });
    }
    case 'update': {
      const input = {
        ...(step.name && { name: step.name }),
        status: step.status,
        managerId: managerIdAt(step.manager),
      };
      return tell(
        'mutation ($id: ID!, $input: UpdateWorkstationInput!) { updateWorkstation(id: $id, input: $input) { id } }',
        {
          id: idAt(step.place),
          input,
        },
      );
    }
    case 'delete':
      return tell('mutation ($id: ID!) { deleteWorkstation(id: $id) }', { id: idAt(step.place) });
    case 'report': {
      const { cpuUsage, places, status: reported } = step;
      const readings = places.map((index) => ({ workstationId: idAt(index), cpuUsage, status: reported }));
      return tell('mutation ($readings: [TelemetryReading!]!) { reportTelemetry(readings: $readings) { stored } }', {
        readings,
      });
    }
    case 'rename manager':
      return tell('mutation ($id: ID!, $name: String) { updateManager(id: $id, input: { name: $name }) { id } }', {
        id: managers[step.manager],
        name: step.name,
      });
    case 'sql update':
      return writeSql(
        `update workstation set name = coalesce($2 || case when cardinality($1::uuid[]) > 1 then id::text else '' end, name),
          status = coalesce($3, status), cpu_usage = case when $4 then $5 else cpu_usage end,
          last_seen_at = case when $6 then $7 else last_seen_at end, created_at = coalesce($8, created_at),
          manager_id = case when $9 then (select id from manager where id = $10) else manager_id end
          where id = any($1::uuid[])`,
        [step.places.map(idAt), ...columnsOf(step.values, managerIdAt)],
      );
    case 'sql insert':
      return writeSql(
        `insert into workstation (hostname, ip_address, operating_system, name, status, cpu_usage, last_seen_at,
            created_at, manager_id)
          select 'h', '10.0.0.1', 'x', coalesce($2, '') || name, coalesce($3, 'OFFLINE'), case when $4 then $5::float8 end,
            case when $6 then $7::timestamptz end, coalesce($8, now()),
            case when $9 then (select id from manager where id = $10) end
          from unnest($1::text[]) name`,
        [step.names, ...columnsOf(step.values, managerIdAt)],
      );
    case 'sql delete':
      return writeSql('delete from workstation where id = any($1::uuid[])', [step.places.map(idAt)]);
    case 'sql delete manager':
      return writeSql('delete from manager where id = $1', [managers[step.manager]]);
  }
}

function columnsOf(
  given: Extract<Change, { kind: 'sql insert' }>['values'],
  managerIdAt: (index: number | null | undefined) => string | null,
) {
  const { cpuUsage, createdAt, lastSeenAt, name: newName, status: newStatus } = given;
  return [
    newName ?? null,
    newStatus ?? null,
    cpuUsage !== undefined,
    cpuUsage ?? null,
    lastSeenAt !== undefined,
    lastSeenAt ?? null,
    createdAt ?? null,
    given.manager !== undefined,
    managerIdAt(given.manager),
  ];
}

/** Names collide occasionally. Then the step writes nothing, which is a valid step too. */
async function writeSql(text: string, parameters: unknown[]): Promise<void> {
  const UNIQUE_VIOLATION = '23505';
  await testApp.sql(text, parameters).catch((error) => {
    if (error.code !== UNIQUE_VIOLATION) throw error;
  });
}

function expectedList(list: Watch, fleet: Fleet) {
  const rows = rowsBeyond(list, fleet);
  const nodes = rows.slice(0, list.size).map((row) => shown(row, fleet));
  const [hasMore, isBegun] = [rows.length > list.size, list.cursor !== null];
  return {
    workstations: list.isBackward
      ? { nodes: nodes.reverse(), pageInfo: { hasNextPage: isBegun, hasPreviousPage: hasMore } }
      : { nodes, pageInfo: { hasNextPage: hasMore, hasPreviousPage: isBegun } },
  };
}

function expectedCount({ filter }: Watch, { workstations }: Fleet) {
  return { workstations: { totalCount: listOf(workstations, filter).length } };
}

test('after any change every cached list is right, and those that the change does not concern cost no SQL', async () => {
  const script = fc.tuple(
    fc.array(query, { minLength: 2, maxLength: 3 }),
    fc.array(change, { minLength: 4, maxLength: 8 }),
  );
  let spared = 0;
  let loaded = 0;
  await fc.assert(
    fc.asyncProperty(script, async ([queries, changes]) => {
      const managers = await newFleet();
      const lists: Watch[] = [];
      for (const wanted of queries) lists.push(await watch(wanted, managers));
      for (const { variables } of lists) await ask(COUNT, { variables });
      let before = await readFleet(testApp);
      for (const step of changes) {
        await apply(step, before, managers);
        await testApp.waitUntilHeard();
        const after = await readFleet(testApp);
        for (const list of lists) {
          const { variables } = list;
          const isSpared = windowOf(list, before) === windowOf(list, after);
          const statements = await testApp.countStatements(async () => {
            expect((await ask(LIST, { variables })).data).toEqual(expectedList(list, after));
          });
          if (isSpared) expect(statements).toBe(0);
          isSpared ? spared++ : loaded++;
          const isCountSpared = membersOf(list, before) === membersOf(list, after);
          const counts = await testApp.countStatements(async () => {
            expect((await ask(COUNT, { variables })).data).toEqual(expectedCount(list, after));
          });
          if (isCountSpared) expect(counts).toBe(0);
        }
        before = after;
      }
    }),
    { numRuns: NUM_RUNS },
  );
  // The changes are chosen so that both cases happen often.
  expect(spared).toBeGreaterThan(10);
  expect(loaded).toBeGreaterThan(10);
});

test('when changes and reads come all at once, every list is right as soon as they are over', async () => {
  const script = fc.tuple(
    fc.array(query, { minLength: 2, maxLength: 3 }),
    fc.array(fc.array(change, { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 3 }),
  );
  await fc.assert(
    fc.asyncProperty(script, async ([queries, rounds]) => {
      const managers = await newFleet();
      const lists: Watch[] = [];
      for (const wanted of queries) lists.push(await watch(wanted, managers));
      for (const steps of rounds) {
        const fleet = await readFleet(testApp);
        const reads = () => lists.flatMap(({ variables }) => [ask(LIST, { variables }), ask(COUNT, { variables })]);
        await Promise.all(steps.flatMap((step) => [...reads(), apply(step, fleet, managers)]));
        await testApp.waitUntilHeard();
        const after = await readFleet(testApp);
        for (const list of lists) {
          expect((await ask(LIST, { variables: list.variables })).data).toEqual(expectedList(list, after));
          expect((await ask(COUNT, { variables: list.variables })).data).toEqual(expectedCount(list, after));
        }
      }
    }),
    { numRuns: NUM_RUNS / 2 },
  );
});
