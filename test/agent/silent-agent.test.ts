import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmbeddedFolder, createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { openSocket } from '../../src/testing/test-socket.ts';
import { type AgentProcess, startAgent } from '../support/agent-process.ts';
import { createOperator } from '../support/operator.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

/* The agent and the server, each as a process: what becomes of a machine whose agent is killed. */

/** The shortest that can be set. */
const SHORTEST_SILENCE_SECONDS = '5';

let folder: string;
let database: Awaited<ReturnType<typeof createServerDatabase>> | null;
let server: ServerProcess;
let agent: AgentProcess;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stationmaster-'));
  database = engine === 'postgresql' ? await createServerDatabase() : null;
  if (!database) await createEmbeddedFolder(join(folder, 'pglite'));
  const place: Record<string, string> = database ? { DATABASE_URL: database.url } : { DATA_DIR: folder };
  server = startServer({ ...place, OFFLINE_AFTER_SECONDS: SHORTEST_SILENCE_SECONDS });
});

afterEach(async () => {
  await agent?.destroy();
  await server.destroy();
  await database?.dispose();
  await rm(folder, { recursive: true });
});

test('a machine is ONLINE while its agent reports, OFFLINE after the agent fell silent, and ONLINE when it is back', async () => {
  const url = await server.untilReady();
  const { ask } = createOperator(url);
  const create = await ask('mutation { createAgentEnrollment(input: { label: "x" }) { token } }');
  const { token } = create.data.createAgentEnrollment;
  const socket = openSocket(url, null);
  const events = socket.subscribe('subscription { workstationChanged { id workstation { status } } }');
  const state = join(folder, 'state.json');

  /** Resolves to the id of the machine once an event and the list show it with that status. */
  const untilShown = async (status: string): Promise<string> => {
    for (;;) {
      const { id, workstation } = (await events.next()).data!.workstationChanged;
      if (workstation.status !== status) continue;
      const list = await ask(`{ workstations(filter: { status: [${status}] }) { totalCount nodes { id status } } }`);
      expect(list.data).toEqual({ workstations: { totalCount: 1, nodes: [{ id, status }] } });
      return id;
    }
  };

  agent = startAgent(state, ['--url', url, '--enroll', token]);
  const id = await untilShown('ONLINE');
  await agent.destroy();
  expect(await untilShown('OFFLINE')).toBe(id);
  agent = startAgent(state, ['--url', url]);
  expect(await untilShown('ONLINE')).toBe(id);
  await socket.close();
});
