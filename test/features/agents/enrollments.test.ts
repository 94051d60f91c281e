import { startTestApp, type TestApp } from '../../support/test-app.ts';
import { expectRefusal } from '../refusal.ts';
import { CREATE, createToken, ENROLL, enroll, LIST, machine, post } from './machines.ts';

const UNKNOWN_ID = '01890000-0000-7000-8000-000000000000';
const WELL_FORMED = `sme_${'A'.repeat(43)}`;

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp({ env: { TRUST_PROXY: 'loopback' } });
});

afterAll(() => testApp.close());

/** A value that changes with anything that enrollments and machines are made of. */
async function digest(): Promise<unknown> {
  const rows = (table: string) => testApp.sql(`select to_json(t) as row from ${table} t order by id`);
  return [await rows('workstation'), await rows('agent_enrollment'), await rows('agent_key')];
}

let lastAddress = 0;
/** Requests from an address of their own, so that refusals of one test do not count in another. */
const elsewhere = () => ({ headers: { 'x-forwarded-for': `198.51.100.${++lastAddress}` } });
const tryToEnroll = (token: unknown, input: object, from = elsewhere()) =>
  post(testApp.app.url, ENROLL, { token, input }, from);

describe('An enrollment token', () => {
  test('is shown once, and only its hash is stored', async () => {
    const { data } = await testApp.ask(CREATE, { variables: { input: { label: '  Lab Berlin ', maxUses: 3 } } });
    const { token, ...shown } = data.createAgentEnrollment;
    expect(token).toMatch(/^sme_[\w-]{43}$/);
    expect(shown).toMatchObject({ label: 'Lab Berlin', maxUses: 3, uses: 0, revokedAt: null });
    const lifetimeMs = Date.parse(shown.expiresAt) - Date.parse(shown.createdAt);
    expect(Math.abs(lifetimeMs - 86_400_000)).toBeLessThan(1000);
    expect((await testApp.ask(LIST)).data.agentEnrollments[0]).toEqual(shown);
    expect(JSON.stringify(await digest())).not.toContain(token.slice(4));
    expect((await testApp.ask('{ agentEnrollments { token } }')).errors?.[0]).toMatchObject({
      message: expect.stringContaining('token'),
    });
  });

  test('is for one machine and a day unless told otherwise', async () => {
    const { data } = await testApp.ask(CREATE, {
      variables: { input: { label: 'one', maxUses: null, expiresInSeconds: null } },
    });
    const { maxUses, createdAt, expiresAt } = data.createAgentEnrollment;
    expect(maxUses).toBe(1);
    expect(Math.round((Date.parse(expiresAt) - Date.parse(createdAt)) / 1000)).toBe(86_400);
  });

  test.each([
    ['a blank label', { label: ' ' }, 'input.label'],
    ['a label of 201 characters', { label: 'x'.repeat(201) }, 'input.label'],
    ['no uses', { label: 'x', maxUses: 0 }, 'input.maxUses'],
    ['1,001 uses', { label: 'x', maxUses: 1001 }, 'input.maxUses'],
    ['a lifetime of 59 seconds', { label: 'x', expiresInSeconds: 59 }, 'input.expiresInSeconds'],
    ['a lifetime of more than a year', { label: 'x', expiresInSeconds: 31_536_001 }, 'input.expiresInSeconds'],
  ])('is refused with %s, before any SQL', async (_name, input, field) => {
    const statements = await testApp.countStatements(async () => {
      expectRefusal(await testApp.ask(CREATE, { variables: { input } }), 'BAD_USER_INPUT', field);
    });
    expect(statements).toBe(0);
  });

  test('is listed with those before it, the newest first', async () => {
    const { id: first } = await createToken(testApp, { label: 'first' });
    const { id: second } = await createToken(testApp, { label: 'second' });
    const { data } = await testApp.ask(LIST);
    expect(data.agentEnrollments.slice(0, 2).map(({ id }: { id: string }) => id)).toEqual([second, first]);
  });
});

describe('A machine that enrolls', () => {
  test('becomes a workstation, and gets a key of which only the hash is stored', async () => {
    const { token } = await createToken(testApp);
    const { key, workstation } = await enroll(testApp, token, machine('first'));
    expect(key).toMatch(/^smk_[\w-]{43}$/);
    const { id, ...described } = workstation;
    expect(described).toEqual({
      name: 'name of first',
      hostname: 'first.fleet.example',
      ipAddress: '10.1.2.3',
      operatingSystem: 'Debian GNU/Linux 13',
      status: 'OFFLINE',
      machineId: 'first',
      lastSeenAt: null,
    });
    const query = 'query ($id: ID!) { workstation(id: $id) { machineId hostname } }';
    expect((await testApp.ask(query, { variables: { id } })).data.workstation).toEqual({
      machineId: 'first',
      hostname: 'first.fleet.example',
    });
    expect(JSON.stringify(await digest())).not.toContain(key.slice(4));
  });

  test('again gets its workstation and another key, and uses nothing up', async () => {
    const { token } = await createToken(testApp);
    const first = await enroll(testApp, token, machine('again'));
    const moved = machine('again', { hostname: 'moved.fleet.example', ipAddress: '10.9.9.9', name: 'another name' });
    const second = await enroll(testApp, token, moved);
    expect(second.key).not.toBe(first.key);
    expect(second.workstation).toEqual({
      ...first.workstation,
      hostname: 'moved.fleet.example',
      ipAddress: '10.9.9.9',
    });
    expect(await testApp.sql(`select count(*)::int as n from workstation where machine_id = 'again'`)).toEqual([
      { n: 1 },
    ]);
    const { data } = await testApp.ask(LIST);
    expect(data.agentEnrollments[0]).toMatchObject({ uses: 1, maxUses: 1 });
  });

  test('again with another token uses that one', async () => {
    const { token } = await createToken(testApp);
    await enroll(testApp, token, machine('twice'));
    const { token: other } = await createToken(testApp, { maxUses: 2 });
    await enroll(testApp, other, machine('twice'));
    expect((await testApp.ask(LIST)).data.agentEnrollments[0]).toMatchObject({ uses: 1, maxUses: 2 });
  });

  test('twice at the same time becomes one workstation', async () => {
    const { token } = await createToken(testApp);
    const { token: other } = await createToken(testApp);
    const both = await Promise.all([token, other].map((each) => enroll(testApp, each, machine('hasty'))));
    expect(new Set(both.map(({ workstation }) => workstation.id)).size).toBe(1);
    expect(new Set(both.map(({ key }) => key)).size).toBe(2);
  });

  test('under a name that is taken gets a suffix, and without a name its host name', async () => {
    const { token } = await createToken(testApp, { maxUses: 1000 });
    const names: string[] = [];
    for (let n = 1; n <= 7; n++) {
      const input = machine(`clone-${n}`, { name: n === 2 ? null : 'clone', hostname: 'clone' });
      names.push((await enroll(testApp, token, input)).workstation.name);
    }
    expect(names.slice(0, 5)).toEqual(['clone', 'clone-2', 'clone-3', 'clone-4', 'clone-5']);
    expect(names.slice(5)).toEqual([
      expect.stringMatching(/^clone-\w{8,12}$/),
      expect.stringMatching(/^clone-\w{8,12}$/),
    ]);
    expect(new Set(names).size).toBe(7);
    const long = await Promise.all(
      ['long-1', 'long-2'].map((id) => enroll(testApp, token, machine(id, { name: 'x'.repeat(200) }))),
    );
    expect(long.map(({ workstation }) => workstation.name).sort()).toEqual([`${'x'.repeat(198)}-2`, 'x'.repeat(200)]);
  });

  test('cannot see through its workstation who looks after it, and so not what else there is', async () => {
    const { token } = await createToken(testApp);
    const document = `mutation ($token: String!, $input: EnrollAgentInput!) { enrollAgent(token: $token, input: $input) {
      workstation { id manager { email workstations { nodes { id } } } } } }`;
    const answer = await post(testApp.app.url, document, { token, input: machine('curious') });
    expect(answer.errors).toMatchObject([
      { path: ['enrollAgent', 'workstation', 'manager'], extensions: { code: 'UNAUTHENTICATED' } },
    ]);
    expect(answer.data.enrollAgent.workstation).toEqual({ id: expect.any(String), manager: null });
  });

  test('is heard of by subscribers, and by cached lists', async () => {
    const list = '{ workstations(first: 1) { nodes { machineId } } }';
    await testApp.ask(list);
    const events = await testApp.subscribe(
      'subscription { workstationChanged { kind workstation { machineId manager { id } } } }',
    );
    const { token } = await createToken(testApp);
    await enroll(testApp, token, machine('heard'));
    expect((await events.next()).data).toEqual({
      workstationChanged: { kind: 'CREATED', workstation: { machineId: 'heard', manager: null } },
    });
    expect((await testApp.ask(list)).data.workstations.nodes).toEqual([{ machineId: 'heard' }]);
    await events.stop();
  });
});

describe('Refused with nothing changed:', () => {
  async function refuse(
    token: unknown,
    input: object,
    code: 'UNAUTHENTICATED' | 'FORBIDDEN' | 'BAD_USER_INPUT',
    field: string,
  ) {
    const before = await digest();
    const answer = await tryToEnroll(token, input);
    expectRefusal(answer, code, field);
    expect(await digest()).toEqual(before);
    return answer.errors![0]!.message;
  }

  test('an unknown token and a revoked one, with the same message', async () => {
    const { id, token } = await createToken(testApp);
    const revoke = `mutation { revokeAgentEnrollment(id: "${id}") }`;
    expect((await testApp.ask(revoke)).data).toEqual({ revokeAgentEnrollment: true });
    const messages = [
      await refuse(token, machine('x'), 'UNAUTHENTICATED', 'token'),
      await refuse(WELL_FORMED, machine('x'), 'UNAUTHENTICATED', 'token'),
      await refuse('hello', machine('x'), 'UNAUTHENTICATED', 'token'),
    ];
    expect(new Set(messages).size).toBe(1);
    expect((await testApp.ask(revoke)).data).toEqual({ revokeAgentEnrollment: false });
  });

  test('an expired token', async () => {
    const { id, token } = await createToken(testApp);
    await testApp.sql(
      `update agent_enrollment set expires_at = clock_timestamp() - interval '1 second' where id = $1`,
      [id],
    );
    expect(await refuse(token, machine('x'), 'UNAUTHENTICATED', 'token')).toMatch(/expired/);
  });

  test('a token that is used up', async () => {
    const { token } = await createToken(testApp);
    await enroll(testApp, token, machine('only'));
    expect(await refuse(token, machine('late'), 'FORBIDDEN', 'token')).toMatch(/used up: it was for one machine/);
  });

  test('all but as many machines as it is for, when they come at once', async () => {
    const { token } = await createToken(testApp, { maxUses: 2 });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => tryToEnroll(token, machine(`crowd-${n}`))));
    const refused = answers.filter(({ errors }) => errors);
    expect(refused).toHaveLength(6);
    for (const answer of refused) expectRefusal(answer, 'FORBIDDEN', 'token');
    expect(await testApp.sql(`select count(*)::int as n from workstation where machine_id like 'crowd-%'`)).toEqual([
      { n: 2 },
    ]);
  });

  test.each([
    ['a blank machineId', { machineId: ' ' }, 'input.machineId'],
    ['a machineId of 201 characters', { machineId: 'x'.repeat(201) }, 'input.machineId'],
    ['a blank name', { name: '' }, 'input.name'],
    ['a host name with a blank', { hostname: 'a b' }, 'input.hostname'],
    ['a network for an address', { ipAddress: '10.0.0.0/8' }, 'input.ipAddress'],
    ['no operating system', { operatingSystem: '' }, 'input.operatingSystem'],
    ['half a character', { operatingSystem: '\ud800' }, 'input.operatingSystem'],
  ])('%s', async (_name, part, field) => {
    const { token } = await createToken(testApp);
    const statements = await testApp.countStatements(async () => {
      expectRefusal(await tryToEnroll(token, machine('x', part)), 'BAD_USER_INPUT', field);
    });
    expect(statements).toBe(0);
  });

  test('an address that was refused 30 times in a minute, before any SQL, and no other address', async () => {
    const { token } = await createToken(testApp);
    const from = elsewhere();
    for (let n = 0; n < 30; n++)
      expectRefusal(await tryToEnroll('guess', machine('x'), from), 'UNAUTHENTICATED', 'token');
    const statements = await testApp.countStatements(async () => {
      const answer = await tryToEnroll(token, machine('x'), from);
      expect(answer.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
    });
    expect(statements).toBe(0);
    const response = await fetch(`${testApp.app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...from.headers },
      body: JSON.stringify({ query: ENROLL, variables: { token, input: machine('x') } }),
    });
    expect(response.headers.get('retry-after')).toBe('2');
    expect((await tryToEnroll(token, machine('other-side'))).errors).toBeUndefined();
  });
});

describe('Unknown ids', () => {
  test.each([
    ['revokeAgentEnrollment(id: "ID")', 'id'],
    ['revokeAgentKey(workstationId: "ID")', 'workstationId'],
  ])('in %s are NOT_FOUND', async (call, field) => {
    for (const id of [UNKNOWN_ID, 'nonsense', '']) {
      expectRefusal(await testApp.ask(`mutation { ${call.replace('ID', id)} }`), 'NOT_FOUND', field);
    }
  });
});

describe('The machineId', () => {
  test('is nothing that clients may set', async () => {
    for (const mutation of [
      'createWorkstation(input: { name: "x", hostname: "x", ipAddress: "::1", operatingSystem: "x", machineId: "x" })',
      `updateWorkstation(id: "${UNKNOWN_ID}", input: { machineId: "x" })`,
    ]) {
      const { errors } = await testApp.ask(`mutation { ${mutation} { id } }`);
      expect(errors?.[0]).toMatchObject({ message: expect.stringContaining('"machineId" is not defined') });
    }
  });
});
