import { startTestApp, type TestApp } from '../support/test-app.ts';
import { listOf, type OracleWorkstation, readFleet } from './fleet-oracle.ts';
import { expectRefusal } from './refusal.ts';

const UNKNOWN_ID = '01890000-0000-7000-8000-000000000000';
const REPORT =
  'mutation ($readings: [TelemetryReading!]!) { reportTelemetry(readings: $readings) { stored unknownIds rejected { index message } } }';
const LIST =
  '{ workstations(first: 500) { totalCount nodes { id cpuUsage memoryUsage diskUsage status lastSeenAt version } } }';

let testApp: TestApp;
let ids: string[];
const ask: TestApp['ask'] = (document, options) => testApp.ask(document, options);

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 3, workstations: 1000 } });
  ids = (await testApp.sql<{ id: string }>('select id from workstation order by id')).map(({ id }) => id);
});

afterAll(() => testApp.close());

async function report(readings: Record<string, unknown>[]) {
  const { data, errors } = await ask(REPORT, { variables: { readings }, role: 'AGENT' });
  expect(errors).toBeUndefined();
  return data.reportTelemetry;
}

/** A value that changes with any workstation. */
async function digest(): Promise<string> {
  const [row] = await testApp.sql(`select md5(string_agg(w::text, ',' order by w.id)) as digest from workstation w`);
  return row!.digest;
}

async function stored(id: string): Promise<OracleWorkstation> {
  return (await readFleet(testApp)).workstations.find((row) => row.id === id)!;
}

describe('A report', () => {
  test('of 1,000 readings costs one SQL statement', async () => {
    const readings = ids.map((workstationId, index) => ({ workstationId, cpuUsage: index / 10, memoryUsage: 100 }));
    let answer: unknown;
    const statements = await testApp.countStatements(async () => {
      answer = await report(readings);
    });
    expect(answer).toEqual({ stored: 1000, unknownIds: [], rejected: [] });
    expect(statements).toBe(1);
    const cpuOf = new Map((await readFleet(testApp)).workstations.map(({ id, cpuUsage }) => [id, cpuUsage]));
    expect(cpuOf).toEqual(new Map(readings.map(({ workstationId, cpuUsage }) => [workstationId, cpuUsage])));
  });

  test('sets its values, keeps omitted and null ones, and sets lastSeenAt', async () => {
    const id = ids[0]!;
    await report([{ workstationId: id, cpuUsage: 1, memoryUsage: 2, diskUsage: 3, status: 'ONLINE' }]);
    const before = await stored(id);
    expect(before).toMatchObject({ cpuUsage: 1, memoryUsage: 2, diskUsage: 3, status: 'ONLINE' });
    expect(await report([{ workstationId: id, cpuUsage: 0, diskUsage: null, status: null }])).toEqual({
      stored: 1,
      unknownIds: [],
      rejected: [],
    });
    const after = await stored(id);
    const { lastSeenAt } = after;
    expect(after).toEqual({ ...before, cpuUsage: 0, lastSeenAt });
    expect(Date.parse(lastSeenAt!)).toBeGreaterThanOrEqual(Date.parse(before.lastSeenAt!));
  });

  test('without any value still updates lastSeenAt', async () => {
    const id = ids[1]!;
    await testApp.sql(`update workstation set last_seen_at = '2020-01-01' where id = $1`, [id]);
    const before = await stored(id);
    expect(await report([{ workstationId: id }])).toEqual({ stored: 1, unknownIds: [], rejected: [] });
    const after = await stored(id);
    expect(Date.parse(after.lastSeenAt!)).toBeGreaterThan(Date.parse('2026-01-01'));
    expect(after).toEqual({ ...before, lastSeenAt: after.lastSeenAt });
  });

  test('lists unknown and malformed ids once each, as given, and stores the other readings', async () => {
    const [known, other] = [ids[2]!, ids[3]!];
    const unknown = UNKNOWN_ID.replace(/.$/, 'A');
    const readings = [UNKNOWN_ID, known, 'nonsense', unknown, '', other.toUpperCase(), UNKNOWN_ID].map(
      (workstationId, index) => ({ workstationId, cpuUsage: 40 + index }),
    );
    expect(await report(readings)).toEqual({
      stored: 2,
      unknownIds: [UNKNOWN_ID, 'nonsense', unknown, ''],
      rejected: [],
    });
    expect([(await stored(known)).cpuUsage, (await stored(other)).cpuUsage]).toEqual([41, 45]);
  });

  test('takes the last of several readings of one workstation, value by value', async () => {
    const id = ids[4]!;
    const { version } = await stored(id);
    const answer = await report([
      { workstationId: id, cpuUsage: 10, memoryUsage: 20, status: 'ERROR' },
      { workstationId: id.toUpperCase(), cpuUsage: 11, diskUsage: 30 },
      { workstationId: id, cpuUsage: null, status: 'ONLINE' },
    ]);
    expect(answer).toEqual({ stored: 1, unknownIds: [], rejected: [] });
    expect(await stored(id)).toMatchObject({
      cpuUsage: 11,
      memoryUsage: 20,
      diskUsage: 30,
      status: 'ONLINE',
      version,
    });
  });

  test('without readings, or with malformed ids only, costs no SQL', async () => {
    const statements = await testApp.countStatements(async () => {
      expect(await report([])).toEqual({ stored: 0, unknownIds: [], rejected: [] });
      expect(await report([{ workstationId: 'x', cpuUsage: 1 }])).toEqual({
        stored: 0,
        unknownIds: ['x'],
        rejected: [],
      });
    });
    expect(statements).toBe(0);
  });

  test('receives only its own unknown ids when several reports arrive together', async () => {
    const agents = ids.slice(10, 30);
    const reports = agents.map((id, index) => [
      { workstationId: id, cpuUsage: index },
      { workstationId: `unknown-${index}`, cpuUsage: index },
    ]);
    const answers = await Promise.all(reports.map(report));
    expect(answers).toEqual(
      agents.map((_id, index) => ({ stored: 1, unknownIds: [`unknown-${index}`], rejected: [] })),
    );
    const cpuOf = new Map((await readFleet(testApp)).workstations.map(({ id, cpuUsage }) => [id, cpuUsage]));
    expect(agents.map((id) => cpuOf.get(id))).toEqual(agents.map((_id, index) => index));
  });
});

describe('A reading with a percentage beyond 0 to 100', () => {
  test.each(['cpuUsage', 'memoryUsage', 'diskUsage'])('of %s is rejected alone', async (field) => {
    const [good, bad, alsoGood] = ids.slice(40, 43) as [string, string, string];
    for (const [index, percent] of [-0.1, 100.1, -1e308, 1e308].entries()) {
      const before = await stored(bad);
      const readings = [good, bad, alsoGood].map((workstationId) => ({ workstationId, [field]: index }));
      readings[1]![field] = percent;
      const message = `${field} is a percentage, 0 to 100; got ${percent}.`;
      expect(await report(readings)).toEqual({ stored: 2, unknownIds: [], rejected: [{ index: 1, message }] });
      expect([await stored(good), await stored(alsoGood)]).toMatchObject([{ [field]: index }, { [field]: index }]);
      expect(await stored(bad)).toEqual(before);
    }
  });

  test('leaves the other readings of its workstation as they are', async () => {
    const id = ids[44]!;
    const answer = await report([
      { workstationId: id, cpuUsage: 5, memoryUsage: 6 },
      { workstationId: id, cpuUsage: 7, memoryUsage: 101 },
      { workstationId: UNKNOWN_ID, diskUsage: -1 },
    ]);
    expect(answer).toMatchObject({ stored: 1, unknownIds: [], rejected: [{ index: 1 }, { index: 2 }] });
    expect(await stored(id)).toMatchObject({ cpuUsage: 5, memoryUsage: 6 });
  });

  test.each(['1e400', '-1e400'])('as the literal %s, which no number can hold, is rejected', async (literal) => {
    const document = `mutation { reportTelemetry(readings: [{ workstationId: "${ids[0]}", cpuUsage: ${literal} }]) { stored rejected { index } } }`;
    expect((await ask(document)).data).toEqual({ reportTelemetry: { stored: 0, rejected: [{ index: 0 }] } });
  });

  test('costs no SQL when there is no other', async () => {
    const statements = await testApp.countStatements(async () => {
      expect(await report([{ workstationId: ids[45], cpuUsage: 101 }])).toMatchObject({ stored: 0, rejected: [{}] });
    });
    expect(statements).toBe(0);
  });
});

describe('Refused without storing anything:', () => {
  const refuse = async (readings: unknown, field?: string) => {
    const before = await digest();
    const statements = await testApp.countStatements(async () => {
      expectRefusal(await ask(REPORT, { variables: { readings }, role: 'AGENT' }), 'BAD_USER_INPUT', field);
    });
    expect(statements).toBe(0);
    expect(await digest()).toBe(before);
  };

  test('a batch of 1,001 readings', async () => {
    await refuse(
      Array.from({ length: 1001 }, () => ({ workstationId: ids[0], cpuUsage: 1 })),
      'readings',
    );
  });

  test.each([
    ['a text for a number', [{ workstationId: UNKNOWN_ID, cpuUsage: '50' }], 'readings[0].cpuUsage'],
    ['NaN, which JSON can only say as text', [{ workstationId: UNKNOWN_ID, cpuUsage: 'NaN' }], 'readings[0].cpuUsage'],
    ['an unknown status', [{ workstationId: UNKNOWN_ID, status: 'BUSY' }], 'readings[0].status'],
    ['a reading of no workstation', [{ cpuUsage: 50 }], 'readings[0]'],
    ['a reading that is null', [null], 'readings[0]'],
    ['an unknown field', [{ workstationId: UNKNOWN_ID, gpuUsage: 50 }], 'readings[0]'],
    ['no batch', null, 'readings'],
  ])('%s', async (_name, readings, field) => {
    await refuse(readings, field);
  });

  test.each(['NaN', 'Infinity'])('the literal %s as a percentage', async (literal) => {
    const before = await digest();
    const document = `mutation { reportTelemetry(readings: [{ workstationId: "${ids[0]}", cpuUsage: ${literal} }]) { stored } }`;
    const answer = await ask(document);
    expect(answer.errors).toHaveLength(1);
    expect(answer.errors![0]!.extensions.code).toBe('BAD_USER_INPUT');
    expect(await digest()).toBe(before);
  });
});

describe('After a report', () => {
  async function statementsFor(document: string): Promise<number> {
    return testApp.countStatements(() => ask(document));
  }

  test('the default list is still cached, and shows the new values', async () => {
    await ask(LIST);
    await report([
      { workstationId: listOf((await readFleet(testApp)).workstations)[3]!.id, cpuUsage: 99.5, memoryUsage: 1.25 },
    ]);
    let answer: Awaited<ReturnType<typeof ask>>;
    const statements = await testApp.countStatements(async () => {
      answer = await ask(LIST);
    });
    expect(statements).toBe(0);
    const rows = listOf((await readFleet(testApp)).workstations).slice(0, 500);
    expect(answer!.data.workstations.nodes).toEqual(
      rows.map(({ id, cpuUsage, memoryUsage, diskUsage, status, lastSeenAt, version }) => ({
        id,
        cpuUsage,
        memoryUsage,
        diskUsage,
        status,
        lastSeenAt,
        version,
      })),
    );
    expect(rows[3]).toMatchObject({ cpuUsage: 99.5, memoryUsage: 1.25 });
  });

  test('lists by name, of one manager or of a text, and counts stay cached, even after a report of the whole fleet', async () => {
    const [{ manager_id: managerId } = {}] = await testApp.sql(
      'select manager_id from workstation where manager_id is not null',
    );
    const lists = [
      '{ workstations(orderBy: { field: NAME }) { totalCount nodes { id cpuUsage } } }',
      `{ manager(id: "${managerId}") { workstations { totalCount nodes { id cpuUsage } } } }`,
      '{ workstations(filter: { nameContains: "1" }) { totalCount nodes { id } } }',
      '{ workstations(filter: { unmanaged: true }) { totalCount nodes { id } } }',
      '{ managers { nodes { id workstations(first: 2) { nodes { lastSeenAt } } } } }',
    ];
    for (const list of lists) await ask(list);
    await report(ids.map((workstationId, index) => ({ workstationId, cpuUsage: index % 100 })));
    for (const list of lists) expect([list, await statementsFor(list)]).toEqual([list, 0]);
  });

  test('a list by CPU_USAGE or LAST_SEEN_AT is loaded again and shows the new order', async () => {
    const top = (field: string) =>
      `{ workstations(first: 2, orderBy: { field: ${field}, direction: DESC }) { nodes { id } } }`;
    await testApp.sql('update workstation set cpu_usage = 50');
    await testApp.waitUntilHeard();
    const [busy, idle] = [ids[500]!, ids[501]!];
    await report([{ workstationId: busy, cpuUsage: 60 }]);
    expect((await ask(top('CPU_USAGE'))).data.workstations.nodes[0]).toEqual({ id: busy });
    expect((await ask(top('LAST_SEEN_AT'))).data.workstations.nodes[0]).toEqual({ id: busy });
    await report([{ workstationId: idle, cpuUsage: 70 }]);
    expect((await ask(top('CPU_USAGE'))).data.workstations.nodes).toEqual([{ id: idle }, { id: busy }]);
    expect((await ask(top('LAST_SEEN_AT'))).data.workstations.nodes[0]).toEqual({ id: idle });
  });

  test('a list filtered by status is loaded again only when a matching status changes', async () => {
    await testApp.sql(`update workstation set status = 'OFFLINE'`);
    await testApp.waitUntilHeard();
    const errors = '{ workstations(filter: { status: [ERROR] }) { totalCount nodes { id status } } }';
    expect((await ask(errors)).data.workstations).toEqual({ totalCount: 0, nodes: [] });
    const id = ids[600]!;
    await report([{ workstationId: ids[601]!, status: 'ONLINE', cpuUsage: 3 }]);
    expect(await statementsFor(errors)).toBe(0);
    await report([{ workstationId: id, status: 'ERROR' }]);
    expect((await ask(errors)).data.workstations).toEqual({ totalCount: 1, nodes: [{ id, status: 'ERROR' }] });
    await report([{ workstationId: id, status: 'ERROR', cpuUsage: 12 }]);
    expect(await statementsFor(errors)).toBe(0);
    await report([{ workstationId: id, status: 'ONLINE' }]);
    expect((await ask(errors)).data.workstations).toEqual({ totalCount: 0, nodes: [] });
  });
});
