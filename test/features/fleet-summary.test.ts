import { jest } from '@jest/globals';
import fc from 'fast-check';
import { startInstance } from '../support/instance.ts';
import { engine, startTestApp, type TestApp } from '../support/test-app.ts';

/* The figures of the fleet: those that SQL computes, without SQL. */

const SUMMARY = `query ($filter: WorkstationFilter) { fleetSummary(filter: $filter) {
  total unmanaged byStatus { status count } byOperatingSystem { operatingSystem count }
  cpuUsage { reported minimum average maximum } memoryUsage { reported minimum average maximum }
  diskUsage { reported minimum average maximum } } }`;

/** Filters, each with the condition that the oracle asks the database with. */
const FILTERS = [
  { filter: null, where: 'true' },
  { filter: { status: ['ONLINE', 'ERROR'] }, where: `status in ('ONLINE', 'ERROR')` },
  { filter: { unmanaged: true }, where: 'manager_id is null' },
  { filter: { tags: ['rack-1'] }, where: `tags @> array['rack-1']` },
  { filter: { cpuUsage: { gte: 50 } }, where: 'cpu_usage >= 50' },
  { filter: { not: { operatingSystem: ['Debian 12'] } }, where: `operating_system <> 'Debian 12'` },
  {
    filter: { or: [{ neverSeen: true }, { diskUsage: { lt: 20 } }] },
    where: 'last_seen_at is null or disk_usage < 20',
  },
  { filter: { nameContains: 'no such name' }, where: 'false' },
] as const;

interface Usage {
  readonly reported: number;
  readonly minimum: number | null;
  readonly average: number | null;
  readonly maximum: number | null;
}

let testApp: TestApp;
/** On PostgreSQL. */
let databaseUrl = '';

beforeAll(async () => {
  testApp = await startTestApp({
    env: { RATE_LIMIT_PER_TOKEN: '100000' },
    connectThrough: async (url) => {
      databaseUrl = url.href;
      return url;
    },
  });
});

beforeEach(async () => {
  await testApp.sql('truncate workstation, manager cascade');
  await testApp.sql(
    `insert into manager (name, email) select 'M' || n, n || '@fleet.example' from generate_series(0, 2) n`,
  );
  await fill(12);
  await testApp.waitUntilHeard();
});

afterAll(() => testApp.close());

/** Rows with some of everything, by numbers and not by chance. */
const fill = (rows: number) =>
  testApp.sql(
    `insert into workstation (name, hostname, ip_address, operating_system, status, tags, cpu_usage, memory_usage, disk_usage,
        last_seen_at, manager_id)
      select 'w' || n, 'h', '10.0.0.1', (array['Debian 12', 'Windows 11', 'macOS 15'])[1 + n % 3],
        (array['ONLINE', 'OFFLINE', 'ERROR'])[1 + n % 3], case when n % 2 = 0 then array['rack-1'] else '{}' end,
        nullif(n % 5, 0) * 100 / 7.0::float8, n * 31 % 97 + 0.1::float8, null,
        case when n % 4 = 0 then now() end,
        case when n % 3 > 0 then (select id from manager order by name offset n % 3 limit 1) end
      from generate_series(1, $1) n`,
    [rows],
  );

async function summaryOf(filter: object | null = null, app = testApp) {
  return (await app.ask(SUMMARY, { variables: { filter } })).data.fleetSummary;
}

async function expectedSummary(where: string) {
  const of = `from workstation where ${where}`;
  const usage = (column: string) => `count(${column})::int as "${column}", min(${column}) as "min_${column}",
    avg(${column}) as "avg_${column}", max(${column}) as "max_${column}"`;
  const [row] = await testApp.sql(`select count(*)::int as total,
    (count(*) filter (where manager_id is null))::int as unmanaged,
    ${['cpu_usage', 'memory_usage', 'disk_usage'].map(usage).join(', ')} ${of}`);
  const usageOf = (column: string) => ({
    reported: row![column],
    minimum: row![`min_${column}`],
    average: row![`avg_${column}`],
    maximum: row![`max_${column}`],
  });
  return {
    total: row!.total,
    unmanaged: row!.unmanaged,
    byStatus: await testApp.sql(`select status, count(*)::int as count ${of} group by 1
      order by array_position(array['ONLINE', 'OFFLINE', 'MAINTENANCE', 'ERROR'], status::text)`),
    byOperatingSystem: await testApp.sql(`select operating_system as "operatingSystem", count(*)::int as count ${of}
      group by 1 order by 2 desc, operating_system collate "C"`),
    cpuUsage: usageOf('cpu_usage'),
    memoryUsage: usageOf('memory_usage'),
    diskUsage: usageOf('disk_usage'),
  };
}

/** The mean of floating-point numbers depends on their order, in the last digits. */
const near = ({ average, ...usage }: Usage): unknown => ({
  ...usage,
  average: average === null ? null : expect.closeTo(average, 9),
});

async function expectExact(
  { filter, where }: { readonly filter: object | null; readonly where: string },
  app = testApp,
) {
  const { cpuUsage, memoryUsage, diskUsage, ...expected } = await expectedSummary(where);
  expect(await summaryOf(filter, app)).toEqual({
    ...expected,
    cpuUsage: near(cpuUsage),
    memoryUsage: near(memoryUsage),
    diskUsage: near(diskUsage),
  });
}

describe('The summary of the fleet', () => {
  test.each(FILTERS)('shows what SQL computes for %j', async (each) => {
    await expectExact(each);
  });

  test('of nothing has no usage, and a filter that no row can fit costs no SQL', async () => {
    const nothing = { reported: 0, minimum: null, average: null, maximum: null };
    const expected = {
      total: 0,
      unmanaged: 0,
      byStatus: [],
      byOperatingSystem: [],
      cpuUsage: nothing,
      memoryUsage: nothing,
      diskUsage: nothing,
    };
    expect(await summaryOf({ nameContains: 'no such name' })).toEqual(expected);
    const statements = await testApp.countStatements(async () => {
      expect(await summaryOf({ unmanaged: true, managerId: '00000000-0000-7000-8000-000000000000' })).toEqual(expected);
    });
    expect(statements).toBe(0);
  });

  test('asks the database once for a hundred readers', async () => {
    const statements = await testApp.countStatements(() =>
      Promise.all(Array.from({ length: 100 }, () => summaryOf({ unmanaged: false }))),
    );
    expect(statements).toBe(1);
  });

  test('costs no SQL while telemetry flows, and shows every report that was answered', async () => {
    const rows = await testApp.sql<{ id: string }>('select id from workstation order by name');
    await summaryOf();
    const report = (workstationId: string, cpuUsage: number) =>
      testApp.ask('mutation ($r: [TelemetryReading!]!) { reportTelemetry(readings: $r) { stored } }', {
        variables: { r: [{ workstationId, cpuUsage, memoryUsage: 100 - cpuUsage, diskUsage: 50 }] },
      });
    const written = await testApp.countStatements(() => report(rows[0]!.id, 1));
    const statements = await testApp.countStatements(async () => {
      for (const [at, { id }] of rows.entries()) {
        await report(id, at * 7);
        const { cpuUsage } = await summaryOf();
        expect(cpuUsage.maximum).toBeGreaterThanOrEqual(at * 7);
      }
    });
    expect(statements).toBe(written * rows.length);
    await expectExact(FILTERS[0]);
  });

  test('costs one statement when so many rows leave an end that the next one is not known', async () => {
    await fill2000();
    await expectExact(FILTERS[0]);
    const leave = (upTo: number) => testApp.sql('update workstation set cpu_usage = 99 where cpu_usage < $1', [upTo]);
    await leave(10);
    await testApp.waitUntilHeard();
    expect(await testApp.countStatements(() => summaryOf())).toBe(0);
    await leave(60);
    await testApp.waitUntilHeard();
    expect(await testApp.countStatements(() => summaryOf())).toBe(1);
    await expectExact(FILTERS[0]);
  });

  test('is right after rows that were too big to be announced, and after TRUNCATE', async () => {
    await summaryOf();
    // Before and after, the tags alone have more bytes than an announcement.
    for (const last of ['a', 'b']) {
      await testApp.sql(
        `update workstation set status = 'MAINTENANCE',
          tags = array(select repeat('🖥', 47) || lpad(n::text, 2, '0') || $1 from generate_series(1, 20) n)
          where name = 'w1'`,
        [last],
      );
    }
    await testApp.waitUntilHeard();
    await expectExact(FILTERS[0]);
    await testApp.sql('truncate workstation');
    await testApp.waitUntilHeard();
    await expectExact(FILTERS[0]);
  });

  test('forgets what nobody reads', async () => {
    await summaryOf();
    const sizeOf = () => testApp.app.cache.getStats().layers.find(({ name }) => name === 'workstations_summary')!.size;
    expect(sizeOf()).toBe(1);
    for (let round = 0; round < 11; round++) await testApp.sql('update workstation set cpu_usage = $1', [round]);
    await testApp.waitUntilHeard();
    expect(sizeOf()).toBe(1);
    await fill2000();
    for (let round = 0; round < 5; round++) await testApp.sql('update workstation set cpu_usage = $1', [round]);
    await testApp.waitUntilHeard();
    expect(sizeOf()).toBe(0);
  });

  test('is live', async () => {
    const live = await testApp.subscribe('query @live(throttleMs: 100) { fleetSummary { total unmanaged } }');
    expect(await live.next()).toEqual({ data: { fleetSummary: { total: 12, unmanaged: 4 } } });
    await testApp.sql(`delete from workstation where name = 'w3'`);
    expect(await live.next()).toEqual({ data: { fleetSummary: { total: 11, unmanaged: 3 } } });
    // It would load summaries for the tests that follow.
    await live.stop();
  });

  test('is for those who may see workstations', async () => {
    const { data, errors } = await testApp.ask(SUMMARY, { role: 'AGENT' });
    expect([data, errors![0]!.extensions.code]).toEqual([null, 'FORBIDDEN']);
    expect((await testApp.ask(SUMMARY, { role: null })).errors![0]!.extensions.code).toBe('UNAUTHENTICATED');
    expect((await testApp.ask(SUMMARY, { role: 'VIEWER' })).errors).toBeUndefined();
  });
});

const fill2000 = async () => {
  await testApp.sql(`insert into workstation (name, hostname, ip_address, operating_system, status, cpu_usage)
    select 'many ' || n, 'h', '10.0.0.1', 'x', 'ONLINE', n / 20.0::float8 from generate_series(1, 2000) n`);
  await testApp.waitUntilHeard();
};

describe('A change that is announced around the load of a summary', () => {
  afterEach(() => jest.restoreAllMocks());

  const insert = (name: string) =>
    testApp.sql(
      `insert into workstation (name, hostname, ip_address, operating_system, cpu_usage) values ($1, 'h', '10.0.0.1', 'x', 1)`,
      [name],
    );

  test('counts once when the load saw it before it was announced', async () => {
    const { cache } = testApp.app;
    const announce = cache.announce.bind(cache);
    const held: Parameters<typeof announce>[0][] = [];
    const arrived = Promise.withResolvers<void>();
    const spy = jest.spyOn(cache, 'announce').mockImplementation((announcement) => {
      held.push(announcement);
      arrived.resolve();
    });
    await insert('early');
    await arrived.promise;
    // Loaded from a state that has the row, of which the cache has not heard yet.
    const statements = await testApp.countStatements(async () => expect((await summaryOf()).total).toBe(13));
    expect(statements).toBe(1);
    spy.mockRestore();
    for (const announcement of held) announce(announcement);
    expect(await testApp.countStatements(async () => expect((await summaryOf()).total).toBe(13))).toBe(0);
    await insert('late');
    await testApp.waitUntilHeard();
    expect(await testApp.countStatements(async () => expect((await summaryOf()).total).toBe(14))).toBe(0);
  });

  test('counts when it was announced while the load was running, and the summary is kept', async () => {
    const { database } = testApp.app;
    const query = database.query.bind(database) as (...args: unknown[]) => Promise<never>;
    const spy = jest.spyOn(database, 'query').mockImplementation(async (...args: unknown[]) => {
      const rows = await query(...args);
      if (String(args[1]).includes('pg_current_snapshot')) {
        spy.mockRestore();
        await insert('meanwhile');
        await testApp.waitUntilHeard();
      }
      return rows;
    });
    expect((await summaryOf()).total).toBe(13);
    expect(await testApp.countStatements(async () => expect((await summaryOf()).total).toBe(13))).toBe(0);
  });
});

const usage = fc.option(fc.constantFrom(0, 0.1, 12.345678901234, 33.3, 50, 99.99999999999, 100));
const status = fc.constantFrom('ONLINE', 'OFFLINE', 'MAINTENANCE', 'ERROR');
const place = fc.nat(11);
const step = fc.oneof(
  fc.record({ kind: fc.constant('report' as const), place, cpu: usage, disk: usage }),
  fc.record({ kind: fc.constant('many' as const), place, cpu: usage, disk: usage }),
  fc.record({ kind: fc.constant('status' as const), place, status }),
  fc.record({ kind: fc.constant('system' as const), place, system: fc.constantFrom('Debian 12', 'é', '｡', '🖥') }),
  fc.record({ kind: fc.constant('tag' as const), place, isTagged: fc.boolean() }),
  fc.record({ kind: fc.constant('manager' as const), place, manager: fc.option(fc.nat(2)) }),
  fc.record({ kind: fc.constant('delete' as const), place }),
  fc.record({ kind: fc.constant('delete manager' as const), manager: fc.nat(2) }),
  fc.record({ kind: fc.constant('insert' as const), cpu: usage, disk: usage, status }),
);
type Step = (typeof step)['generate'] extends (...args: never[]) => { value: infer Value } ? Value : never;

let inserted = 0;

function apply(each: Step): Promise<unknown> {
  const row = `(select id from workstation order by name offset $1 limit 1)`;
  switch (each.kind) {
    case 'report':
      return testApp.sql(
        `update workstation set cpu_usage = $2, disk_usage = $3, last_seen_at = now() where id = ${row}`,
        [each.place, each.cpu, each.disk],
      );
    case 'many':
      return testApp.sql(
        `update workstation set cpu_usage = $2, disk_usage = coalesce($3, cpu_usage)
          where id in (select id from workstation order by name limit $1)`,
        [each.place, each.cpu, each.disk],
      );
    case 'status':
      return testApp.sql(`update workstation set status = $2 where id = ${row}`, [each.place, each.status]);
    case 'system':
      return testApp.sql(`update workstation set operating_system = $2 where id = ${row}`, [each.place, each.system]);
    case 'tag':
      return testApp.sql(`update workstation set tags = $2 where id = ${row}`, [
        each.place,
        each.isTagged ? ['rack-1'] : [],
      ]);
    case 'manager':
      return testApp.sql(
        `update workstation set manager_id = (select id from manager order by name offset $2 limit 1) where id = ${row}`,
        [each.place, each.manager ?? 99],
      );
    case 'delete':
      return testApp.sql(`delete from workstation where id = ${row}`, [each.place]);
    case 'delete manager':
      return testApp.sql('delete from manager where id = (select id from manager order by name offset $1 limit 1)', [
        each.manager,
      ]);
    case 'insert':
      return testApp.sql(
        `insert into workstation (name, hostname, ip_address, operating_system, cpu_usage, disk_usage, status)
          values ($1, 'h', '10.0.0.1', 'x', $2, $3, $4)`,
        [`new ${++inserted}`, each.cpu, each.disk, each.status],
      );
  }
}

test('after any changes every summary is what SQL computes, and has cost no SQL', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
      async (rounds) => {
        await Promise.all(FILTERS.map(({ filter }) => summaryOf(filter)));
        const statements = await testApp.countStatements(async () => {
          for (const steps of rounds) {
            // Reads race with the changes.
            await Promise.all([...steps.map(apply), ...FILTERS.map(({ filter }) => summaryOf(filter))]);
            await testApp.waitUntilHeard();
            for (const each of FILTERS) await expectExact(each);
          }
        });
        expect(statements).toBe(0);
      },
    ),
    { numRuns: 15 },
  );
});

(engine === 'postgresql' ? test : test.skip)('two instances show the same, whichever of them wrote', async () => {
  const other = await startInstance({ DATABASE_URL: databaseUrl });
  try {
    const read = async () => {
      const response = await fetch(`${other.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${await testApp.token('VIEWER')}` },
        body: JSON.stringify({ query: SUMMARY }),
      });
      return ((await response.json()) as { data: { fleetSummary: unknown } }).data.fleetSummary;
    };
    expect(await read()).toEqual(await summaryOf());
    for (let round = 0; round < 5; round++) {
      await testApp.sql('update workstation set memory_usage = memory_usage * 0.9, status = $1', [
        round % 2 ? 'ONLINE' : 'ERROR',
      ]);
      await Promise.all([testApp.waitUntilHeard(), other.feed.proveNow()]);
      await expectExact(FILTERS[0]);
      expect(await read()).toEqual(await summaryOf());
    }
  } finally {
    await other.close();
  }
});
