import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentProcess, startAgent as startAgentProcess } from '../support/agent-process.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

let testApp: TestApp;
let folder: string;
const agents: AgentProcess[] = [];

beforeAll(async () => {
  testApp = await startTestApp();
});

afterAll(() => testApp.close());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stationmaster-agent-'));
});

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.destroy();
  await rm(folder, { recursive: true });
});

function startAgent(args: readonly string[], env?: Record<string, string>) {
  const state = join(folder, 'state.json');
  const agent = startAgentProcess(state, args, env);
  agents.push(agent);
  return { ...agent, state };
}

async function createToken(maxUses = 1): Promise<string> {
  const create = 'mutation ($n: Int) { createAgentEnrollment(input: { label: "x", maxUses: $n }) { token } }';
  return (await testApp.ask(create, { variables: { n: maxUses } })).data.createAgentEnrollment.token;
}

/** Subscribes, and resolves with the next workstations that `work` makes report. */
async function nextReports(count: number, work: () => void): Promise<Map<string, any>> {
  const events = await testApp.subscribe(
    `subscription { workstationChanged { kind
      workstation { id name machineId hostname operatingSystem cpuUsage memoryUsage diskUsage lastSeenAt } } }`,
  );
  work();
  const reported = new Map<string, any>();
  while (reported.size < count) {
    const { workstation } = (await events.next()).data!.workstationChanged;
    if (workstation?.lastSeenAt) reported.set(workstation.machineId, workstation);
  }
  await events.stop();
  return reported;
}

test('reports this machine, enrolls once, and goes on after it was killed', async () => {
  const token = await createToken();
  let agent!: ReturnType<typeof startAgent>;
  const reports = await nextReports(1, () => {
    agent = startAgent(['--url', testApp.app.url, '--enroll', token]);
  });
  const [first] = [...reports.values()];
  expect(first).toMatchObject({
    machineId: expect.stringMatching(/^[0-9a-f]{32}$/),
    hostname: expect.stringMatching(/\w/),
    operatingSystem: expect.stringMatching(/\w/),
  });
  for (const usage of [first.cpuUsage, first.memoryUsage, first.diskUsage]) {
    expect(usage).toBeGreaterThanOrEqual(0);
    expect(usage).toBeLessThanOrEqual(100);
  }
  const { child, exited, state } = agent;
  expect((await stat(state)).mode & 0o777).toBe(0o600);
  const kept = await readFile(state, 'utf8');
  child.kill('SIGKILL');
  await exited;

  const again = await nextReports(1, () => startAgent(['--url', testApp.app.url]));
  expect([...again.values()][0].id).toBe(first.id);
  expect(await readFile(state, 'utf8')).toBe(kept);
  expect((await testApp.ask('{ agentEnrollments { uses } }')).data.agentEnrollments).toEqual([{ uses: 1 }]);
});

test('reports simulated machines, each with a key of its own, and stops on SIGTERM', async () => {
  const token = await createToken(3);
  let agent!: ReturnType<typeof startAgent>;
  const reports = await nextReports(3, () => {
    agent = startAgent(['--simulate', '3'], { STATIONMASTER_URL: testApp.app.url, STATIONMASTER_ENROLL: token });
  });
  expect([...reports.keys()].sort()).toEqual(['simulated-00001', 'simulated-00002', 'simulated-00003']);
  const state = JSON.parse(await readFile(agent.state, 'utf8'));
  expect(new Set(Object.values(state).map(({ key }: any) => key)).size).toBe(3);
  agent.child.kill('SIGTERM');
  expect(await agent.exited).toBe(0);
  expect(agent.said()).toBe(`Reporting 3 machines to ${testApp.app.url}.\n`);
});

test('ends with 77 and one line when its key is revoked', async () => {
  const token = await createToken();
  let agent!: ReturnType<typeof startAgent>;
  const reports = await nextReports(1, () => {
    agent = startAgent(['--url', testApp.app.url, '--simulate', '1', '--enroll', token]);
  });
  const [{ id }] = [...reports.values()];
  await testApp.ask('mutation ($id: ID!) { revokeAgentKey(workstationId: $id) }', { variables: { id } });
  expect(await agent.exited).toBe(77);
  const [, line, ...rest] = agent.said().split('\n');
  expect(line).toMatch(
    /^The server refuses: The agent's key .* revoked\. To enroll again, delete .*state\.json and give a new token\.$/,
  );
  expect(rest).toEqual(['']);
});

test.each([
  [
    'without a key and a token',
    [],
    64,
    /^There is no key in .* Give a token of createAgentEnrollment with --enroll\.\n$/,
  ],
  [
    'with a token that nobody has',
    ['--enroll', 'sme_x'],
    77,
    /^The server refuses: The enrollment token is not known, or has been revoked\.\n$/,
  ],
  ['with an option that it does not have', ['--fast'], 64, /--fast/],
])('ends with one line %s', async (_name, args, code, line) => {
  const agent = startAgent(['--url', testApp.app.url, '--simulate', '1', ...args]);
  expect(await agent.exited).toBe(code);
  expect(agent.said()).toMatch(line);
});
