import { createServerDatabase, engine } from '../../../src/testing/test-database.ts';
import { startInstance } from '../../support/instance.ts';
import { RawSocket } from '../../support/raw-socket.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';
import { readFleet } from '../fleet-oracle.ts';
import { expectRefusal } from '../refusal.ts';
import { type Asked, CREATE, createToken, ENROLL, enroll, machine, post, REPORT } from './machines.ts';

const UNKNOWN_ID = '01890000-0000-7000-8000-000000000000';
const UNKNOWN_KEY = `smk_${'A'.repeat(43)}`;

let testApp: TestApp;
let token: string;
let lastMachine = 0;

beforeAll(async () => {
  testApp = await startTestApp({
    fleet: { managers: 1, workstations: 3 },
    env: { TRUST_PROXY: 'loopback', RATE_LIMIT_PER_ADDRESS: '60', RATE_LIMIT_PER_TOKEN: '1000' },
  });
  ({ token } = await createToken(testApp, { maxUses: 1000 }));
});

afterAll(() => testApp.close());

async function enrolled() {
  const machineId = `machine-${++lastMachine}`;
  const from = { headers: { 'x-forwarded-for': `203.0.113.${lastMachine}` } };
  const { data } = await post(testApp.app.url, ENROLL, { token, input: machine(machineId) }, from);
  const { key, workstation } = data.enrollAgent;
  return { key: key as string, id: workstation.id as string, machineId };
}

const report = (key: string, ids: readonly string[], more: Asked = {}) =>
  post(
    testApp.app.url,
    REPORT,
    { readings: ids.map((workstationId) => ({ workstationId, cpuUsage: 12.5, status: 'ONLINE' })) },
    { key, ...more },
  );

const REPORTED = { data: { reportTelemetry: { stored: 1, unknownIds: [] } } };

function expectBadKey({ data, errors }: { data?: unknown; errors?: unknown }): void {
  expect(data).toBeUndefined();
  expect(errors).toEqual([
    {
      message: "The agent's key is not known, or has been revoked.",
      extensions: { code: 'UNAUTHENTICATED' },
    },
  ]);
}

describe('The key of an agent', () => {
  test('reports its own workstation', async () => {
    const { id, key } = await enrolled();
    expect(await report(key, [id])).toMatchObject(REPORTED);
    expect((await readFleet(testApp)).workstations.find((row) => row.id === id)).toMatchObject({
      cpuUsage: 12.5,
      status: 'ONLINE',
    });
  });

  test('reports no other, known or not, and nothing of a batch with another', async () => {
    const { id, key } = await enrolled();
    const { id: other } = await enrolled();
    const before = await readFleet(testApp);
    await report(key, []);
    for (const [ids, index] of [
      [[other], 0],
      [[UNKNOWN_ID], 0],
      [['nonsense'], 0],
      [[id, other], 1],
    ] as const) {
      const statements = await testApp.countStatements(async () => {
        expectRefusal(await report(key, ids), 'FORBIDDEN', `readings[${index}].workstationId`);
      });
      expect(statements).toBe(0);
    }
    expect(await readFleet(testApp)).toEqual(before);
    expect(await report(key, [id.toUpperCase()])).toMatchObject(REPORTED);
  });

  test('has no other right, whatever others were answered before', async () => {
    const { id, key } = await enrolled();
    const reads = [
      '{ workstations { nodes { id } } }',
      `{ workstation(id: "${id}") { name } }`,
      '{ managers { nodes { id } } }',
    ];
    for (const read of reads) {
      await testApp.ask(read, { role: 'VIEWER' });
      const { errors } = await post(testApp.app.url, read, {}, { key });
      expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    }
    const write = `mutation { updateWorkstation(id: "${id}", input: { name: "mine" }) { id } }`;
    expectRefusal(await post(testApp.app.url, write, {}, { key }), 'FORBIDDEN');
    expectRefusal(await post(testApp.app.url, CREATE, { input: { label: 'x' } }, { key }), 'FORBIDDEN');
  });

  test('costs SQL when it is used first, and none from then on', async () => {
    const { key } = await enrolled();
    expect(await testApp.countStatements(() => report(key, []))).toBe(1);
    expect(await testApp.countStatements(() => report(key, []))).toBe(0);
    expect(await testApp.countStatements(() => report(key, [], { headers: { authorization: `bearer  ${key}` } }))).toBe(
      0,
    );
  });

  test('is limited like a token', async () => {
    const limited = await startTestApp({ env: { RATE_LIMIT_PER_TOKEN: '2' } });
    const { token } = (await limited.ask('mutation { createAgentEnrollment(input: { label: "x" }) { token } }')).data
      .createAgentEnrollment;
    const { key } = await enroll(limited, token, machine('limited'));
    const ask = () => post(limited.app.url, '{ __typename }', {}, { key });
    expect(await ask()).toEqual({ data: { __typename: 'Query' } });
    expect(await ask()).toEqual({ data: { __typename: 'Query' } });
    expect((await ask()).errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
    await limited.close();
  });

  test('does not change what a token with the role AGENT may report', async () => {
    const ids = (await readFleet(testApp)).workstations.slice(0, 2).map(({ id }) => id);
    const { data } = await testApp.ask(REPORT, {
      role: 'AGENT',
      variables: { readings: ids.map((workstationId) => ({ workstationId, cpuUsage: 1 })) },
    });
    expect(data.reportTelemetry).toEqual({ stored: 2, unknownIds: [] });
  });
});

describe('A key ends', () => {
  const revoke = (id: string) =>
    testApp.ask('mutation ($id: ID!) { revokeAgentKey(workstationId: $id) }', { variables: { id } });

  test('when it is revoked, at once, and can be revoked once', async () => {
    const { id, key } = await enrolled();
    expect(await report(key, [id])).toMatchObject(REPORTED);
    expect((await revoke(id)).data).toEqual({ revokeAgentKey: true });
    expectBadKey(await report(key, [id]));
    expect((await revoke(id)).data).toEqual({ revokeAgentKey: false });
  });

  test('and its machine then needs a use of a token to come back', async () => {
    const { token: single } = await createToken(testApp);
    const { workstation } = await enroll(testApp, single, machine('lost'));
    await revoke(workstation.id);
    await expect(enroll(testApp, single, machine('lost'))).rejects.toThrow(/used up/);
    const { token: another } = await createToken(testApp);
    const back = await enroll(testApp, another, machine('lost'));
    expect(back.workstation.id).toBe(workstation.id);
    expect(await report(back.key, [workstation.id])).toMatchObject(REPORTED);
  });

  test('when its machine enrolls again', async () => {
    const { id, key, machineId } = await enrolled();
    await report(key, [id]);
    const { key: newKey } = await enroll(testApp, token, machine(machineId));
    expectBadKey(await report(key, [id]));
    expect(await report(newKey, [id])).toMatchObject(REPORTED);
  });

  test('when its workstation is deleted', async () => {
    const { id, key } = await enrolled();
    await report(key, [id]);
    await testApp.ask(`mutation { deleteWorkstation(id: "${id}") }`);
    expectBadKey(await report(key, [id]));
    expect(await testApp.sql('select from agent_key where workstation_id = $1', [id])).toEqual([]);
  });

  test('when its workstation is deleted by a program that has no rights on the keys', async () => {
    const { id, key } = await enrolled();
    await report(key, [id]);
    await testApp.sql('grant select, delete on workstation to pg_monitor');
    await testApp.sql(`do $$ begin
      set local role pg_monitor; delete from workstation where id = '${id}'; reset role;
    end $$`);
    await testApp.waitUntilHeard();
    expectBadKey(await report(key, [id]));
  });

  test('when another program removes all workstations', async () => {
    const { id, key } = await enrolled();
    await report(key, [id]);
    await testApp.sql('truncate workstation');
    await testApp.waitUntilHeard();
    expectBadKey(await report(key, [id]));
    expect(await testApp.sql('select from agent_key')).toEqual([]);
  });

  test('when another program deletes it, or all of them', async () => {
    const [one, other] = [await enrolled(), await enrolled()];
    for (const { id, key } of [one, other]) expect(await report(key, [id])).toMatchObject(REPORTED);
    await testApp.sql('delete from agent_key where workstation_id = $1', [one.id]);
    await testApp.waitUntilHeard();
    expectBadKey(await report(one.key, [one.id]));
    expect(await report(other.key, [other.id])).toMatchObject(REPORTED);
    await testApp.sql('truncate agent_key');
    await testApp.waitUntilHeard();
    expectBadKey(await report(other.key, [other.id]));
  });

  test('and its WebSockets close with 4403, and no others', async () => {
    const [revoked, kept] = [await enrolled(), await enrolled()];
    const [socket, other] = [await RawSocket.open(testApp.app.url), await RawSocket.open(testApp.app.url)];
    expect(await socket.initialize({ authorization: `Bearer ${revoked.key}` })).toEqual({ type: 'connection_ack' });
    await other.initialize({ authorization: `Bearer ${kept.key}` });
    await revoke(revoked.id);
    expect(await socket.closed).toEqual({ code: 4403, reason: 'The key has been revoked.' });
    other.subscribe('1', '{ __typename }');
    expect(await other.next()).toMatchObject({ type: 'next' });
    other.socket.close();
    await other.closed;
  });
});

describe('Refused:', () => {
  const from = { headers: { 'x-forwarded-for': '192.0.2.1' } };

  test('a key that nobody has, and without SQL what is no key', async () => {
    expectBadKey(await report(UNKNOWN_KEY, [], from));
    const statements = await testApp.countStatements(async () => {
      expectBadKey(await report('smk_short', [], from));
      expectBadKey(await report(`${UNKNOWN_KEY}A`, [], from));
    });
    expect(statements).toBe(0);
    const socket = await RawSocket.open(testApp.app.url);
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${UNKNOWN_KEY}` } });
    expect((await socket.closed).code).toBe(4401);
  });

  test('an address that guesses', async () => {
    const codes = new Set<string>();
    for (let n = 0; n < 62; n++) codes.add((await report(UNKNOWN_KEY, [], from)).errors![0]!.extensions.code);
    expect([...codes]).toEqual(['UNAUTHENTICATED', 'RATE_LIMITED']);
  });
});

// Several instances need a database server.
(engine === 'postgresql' ? describe : describe.skip)('On another instance', () => {
  test('a key works as soon as it is given out, and ends as soon as its revocation is heard', async () => {
    const { url, dispose } = await createServerDatabase();
    const [here, there] = [await startInstance({ DATABASE_URL: url }), await startInstance({ DATABASE_URL: url })];
    const ask = (query: string, variables: object = {}) => post(here.url, query, variables);
    const { token } = (await ask(CREATE, { input: { label: 'x' } })).data.createAgentEnrollment;
    const { key, workstation } = (await ask(ENROLL, { token, input: machine('far') })).data.enrollAgent;
    const variables = { readings: [{ workstationId: workstation.id, cpuUsage: 1 }] };
    expect(await post(there.url, REPORT, variables, { key })).toMatchObject(REPORTED);
    const before = there.database.statementCount;
    await post(there.url, REPORT, { readings: [] }, { key });
    expect(there.database.statementCount).toBe(before);

    const socket = await RawSocket.open(there.url);
    await socket.initialize({ authorization: `Bearer ${key}` });
    await ask('mutation ($id: ID!) { revokeAgentKey(workstationId: $id) }', { id: workstation.id });
    // Closes when the announcement has been applied there.
    expect((await socket.closed).code).toBe(4403);
    expectBadKey(await post(there.url, REPORT, variables, { key }));
    await Promise.all([here.close(), there.close()]);
    await dispose();
  });
});
