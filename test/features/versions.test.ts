import { startTestApp, type TestApp } from '../support/test-app.ts';

/* `version` and `updatedAt` are for people who edit; reports do not raise them. The cache orders records by another version. */

const READ = 'query ($id: ID!) { workstation(id: $id) { version updatedAt status cpuUsage } }';
const EDIT = `mutation ($id: ID!, $input: UpdateWorkstationInput!) { updateWorkstation(id: $id, input: $input) {
  version updatedAt } }`;
const REPORT = 'mutation ($readings: [TelemetryReading!]!) { reportTelemetry(readings: $readings) { stored } }';

let testApp: TestApp;
let id: string;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 2, workstations: 20 } });
});

afterAll(() => testApp.close());

beforeEach(async () => {
  const number = Math.random();
  const [row] = await testApp.sql<{ id: string }>(
    `insert into workstation (name, hostname, ip_address, operating_system)
      values ($1, 'h', '::1', 'x') returning id`,
    [`V-${number}`],
  );
  id = row!.id;
  await testApp.waitUntilHeard();
});

const read = async () => (await testApp.ask(READ, { variables: { id } })).data.workstation;
const edit = (input: object) => testApp.ask(EDIT, { variables: { id, input } });
const report = (reading: object) =>
  testApp.ask(REPORT, { variables: { readings: [{ workstationId: id, ...reading }] }, role: 'AGENT' });
const write = async (assignments: string) => {
  await testApp.sql(`update workstation set ${assignments} where id = $1`, [id]);
  await testApp.waitUntilHeard();
};
const rowVersion = async () =>
  (await testApp.sql<{ v: number }>('select row_version::float8 as v from workstation where id = $1', [id]))[0]!.v;

test('a careful edit succeeds although the workstation has reported since it was read', async () => {
  const { version } = await read();
  await report({ cpuUsage: 10, status: 'ERROR' });
  expect(await edit({ status: 'MAINTENANCE', expectedVersion: version })).toMatchObject({
    data: { updateWorkstation: { version: version + 1 } },
  });
  const again = await edit({ status: 'ONLINE', expectedVersion: version });
  expect(again.errors![0]!.extensions.code).toBe('STALE_VERSION');
});

describe('version and updatedAt stay as they are', () => {
  test.each([
    ['another program writes telemetry', 'cpu_usage = 11, memory_usage = 12, last_seen_at = now()'],
    ['another program writes the same telemetry again', 'cpu_usage = cpu_usage'],
    ['another program writes a status together with telemetry', `status = 'ERROR', last_seen_at = now()`],
    ['somebody writes the row version', 'row_version = 0'],
  ])('when %s', async (_what, assignments) => {
    const { version, updatedAt } = await read();
    const before = await rowVersion();
    await write(assignments);
    expect(await read()).toMatchObject({ version, updatedAt });
    expect(await rowVersion()).toBe(before + 1);
  });

  test('when a report changes the status, with or without a measurement', async () => {
    const { version, updatedAt } = await read();
    await report({ status: 'ERROR' });
    await report({ status: 'ONLINE', diskUsage: 5 });
    expect(await read()).toMatchObject({ version, updatedAt, status: 'ONLINE' });
  });
});

describe('version and updatedAt rise', () => {
  test.each([
    ['sets a status', `status = 'MAINTENANCE'`],
    ['changes another column together with telemetry', `hostname = 'other', cpu_usage = 3`],
    ['writes a lower version', 'version = 0'],
    ['writes an older time of the last edit', `updated_at = '2020-01-01'`],
  ])('when another program %s', async (_what, assignments) => {
    const { version, updatedAt } = await read();
    const before = await rowVersion();
    await write(assignments);
    const after = await read();
    expect(after.version).toBe(version + 1);
    expect(Date.parse(after.updatedAt)).toBeGreaterThanOrEqual(Date.parse(updatedAt));
    expect(await rowVersion()).toBe(before + 1);
  });

  test('with an edit that changes nothing, because its author has read and confirmed the values', async () => {
    const { version } = await read();
    expect(await edit({ hostname: 'h' })).toMatchObject({ data: { updateWorkstation: { version: version + 1 } } });
  });

  test('with an edit in the transaction of a report', async () => {
    const { version } = await read();
    await testApp.sql('begin');
    await testApp.sql('update workstation set cpu_usage = 1 where id = $1', [id]);
    await testApp.sql(`update workstation set hostname = 'moved' where id = $1`, [id]);
    await testApp.sql('commit');
    await testApp.waitUntilHeard();
    expect((await read()).version).toBe(version + 1);
  });
});

test('a cached record shows each report, though its version stays', async () => {
  await read();
  for (const cpuUsage of [20, 21, 22]) {
    await report({ cpuUsage });
    expect(await testApp.countStatements(async () => expect(await read()).toMatchObject({ cpuUsage }))).toBe(0);
  }
  await write('cpu_usage = 23, row_version = 1');
  expect(await read()).toMatchObject({ cpuUsage: 23 });
});
