import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../../src/app.ts';
import { signToken } from '../../src/auth/tokens.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { explainFailure } from '../../src/process/start-error.ts';
import { createEmbeddedFolder, createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { RawSocket } from '../support/raw-socket.ts';
import { startRedis } from '../support/redis.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { type Answer, startTestApp, TEST_SECRET, type TestApp } from '../support/test-app.ts';

const onServers = engine === 'postgresql' ? test : test.skip;
const onEmbedded = engine === 'pglite' ? test : test.skip;
const SLOW_MACHINE_MS = 120_000;
const PASSWORD = 'hunter2hunter2';
/** The first message on a connection to PostgreSQL: a request for encryption, or the protocol version. */
const TLS_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const VERSION = Buffer.from([0, 3, 0, 0]);

/** Starts the application at the highest log level until it gives up or prints `enough`. Returns its output. */
async function startAndListen(env: Record<string, string>, enough = /trying again/): Promise<string> {
  const said: string[] = [];
  const givenUp = new AbortController();
  const write = (line: string) => {
    said.push(line);
    if (enough.test(line)) givenUp.abort();
  };
  const logger = createLogger({ environment: 'production', logLevel: 'trace' }, { write });
  const settings = { NODE_ENV: 'test', PORT: '0', AUTH_JWT_SECRET: TEST_SECRET, WARM_UP: 'off', ...env };
  try {
    const app = await createApp(loadConfig(settings), { logger, signal: givenUp.signal });
    if (!givenUp.signal.aborted) await once(givenUp.signal, 'abort');
    await app.close();
  } catch (error) {
    said.push(explainFailure(error).message);
  }
  return said.join('');
}

describe('The password in DATABASE_URL is not printed', () => {
  let refusing: Awaited<ReturnType<typeof startRefusingDatabase>>;

  beforeEach(async () => {
    refusing = await startRefusingDatabase();
  });

  afterEach(() => {
    refusing.server.close();
  });

  test.each([
    ['another program’s URL', `mysql://app:${PASSWORD}@127.0.0.1/fleet`, /DATABASE_URL must be/],
    ['a URL without its slashes', `postgres:app:${PASSWORD}@127.0.0.1/fleet`, /DATABASE_URL must be/],
    ['no scheme', `app:${PASSWORD}@127.0.0.1/fleet`, /DATABASE_URL must be/],
    ['blanks before it', `  postgres://app:${PASSWORD}@127.0.0.1/fleet`, /DATABASE_URL must be/],
    ['a slash in the password', `postgres://app:${PASSWORD}/x@127.0.0.1/fleet`, /DATABASE_URL must be/],
    ['a port that is none', `postgres://app:${PASSWORD}@127.0.0.1:port/fleet`, /DATABASE_URL must be/],
    ['a stray percent sign', `postgres://app:%${PASSWORD}@127.0.0.1:1/fleet`, /DATABASE_URL must be/],
    ['a host that is not there', `postgres://app:${PASSWORD}@127.0.0.1:1/fleet`, /ECONNREFUSED/],
    ['a password among the options', `postgres://127.0.0.1:1/fleet?user=app&password=${PASSWORD}`, /ECONNREFUSED/],
    [
      'a certificate that is not there',
      `postgres://app:${PASSWORD}@127.0.0.1:1/fleet?sslrootcert=/none`,
      /names is not there: \/none/,
    ],
    [
      'an unknown kind of encryption',
      `postgres://app:${PASSWORD}@127.0.0.1:1/fleet?sslmode=${PASSWORD}`,
      /DATABASE_URL must be/,
    ],
  ])('at a start with %s', async (_name, url, expected) => {
    const said = await startAndListen({ DATABASE_URL: url });
    expect(said).toMatch(expected);
    expect(said).not.toContain('hunter2');
  });

  test(
    'by the process that PostgreSQL refuses it to',
    async () => {
      const server = startServer({
        DATABASE_URL: `postgres://app:${PASSWORD}@127.0.0.1:${refusing.port}/fleet`,
        LOG_LEVEL: 'trace',
        NODE_ENV: 'production',
      });
      expect(await server.exited).toBe(77);
      expect(server.output).toMatch(/PostgreSQL refuses the user or the password/);
      expect(server.output).not.toContain('hunter2');
      expect(String(Buffer.concat(refusing.heard))).toContain(PASSWORD);
    },
    SLOW_MACHINE_MS,
  );

  test.each(['require', 'verify-full', 'no-verify'])(
    'to a database without encryption, where the URL demands it: sslmode=%s',
    async (mode) => {
      const said = await startAndListen({
        DATABASE_URL: `postgres://app:${PASSWORD}@127.0.0.1:${refusing.port}/fleet?sslmode=${mode}`,
      });
      expect(said).toMatch(/does not support SSL/);
      expect(said).not.toContain('hunter2');
      expect(refusing.heard.length).toBeGreaterThan(0);
      for (const message of refusing.heard) expect(message).toEqual(TLS_REQUEST);
    },
  );
});

describe('The password in REDIS_URL is not printed', () => {
  const DATABASE_URL = 'postgres://127.0.0.1:1/fleet';

  test.each([
    `http://:${PASSWORD}@127.0.0.1/0`,
    `redis:${PASSWORD}@127.0.0.1`,
    `redis://:${PASSWORD}@127.0.0.1:port`,
    `redis://:%${PASSWORD}@127.0.0.1`,
    `redis://:${PASSWORD}@127.0.0.1/fleet`,
    `redis://127.0.0.1/0?password=${PASSWORD}`,
  ])('at a start with %s', async (url) => {
    const said = await startAndListen({ DATABASE_URL, REDIS_URL: url });
    expect(said).toMatch(/REDIS_URL must be/);
    expect(said).not.toContain('hunter2');
  });

  onServers('by a server that Redis refuses it to', async () => {
    const redis = await startRedis(['--requirepass', 'another']);
    const database = await createServerDatabase();
    const { port } = new URL(redis.url);
    const env = { DATABASE_URL: database.url, REDIS_URL: `redis://app:${PASSWORD}@127.0.0.1:${port}` };
    const said = await startAndListen(env, /second cache tier/);
    expect(said).toMatch(/WRONGPASS/);
    expect(said).not.toContain('hunter2');
    await database.dispose();
    await redis.close();
  });
});

describe('A server process', () => {
  let folder: string | undefined;
  let server: ServerProcess | undefined;

  afterEach(async () => {
    await server?.destroy();
    if (folder) await rm(folder, { recursive: true });
  });

  onEmbedded(
    'says no token and no secret, at whatever log level',
    async () => {
      folder = await mkdtemp(join(tmpdir(), 'stationmaster-'));
      await createEmbeddedFolder(join(folder, 'pglite'));
      server = startServer({
        DATA_DIR: folder,
        AUTH_JWT_SECRET: TEST_SECRET,
        LOG_LEVEL: 'trace',
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        ANONYMOUS_ROLE: 'none',
        SHUTDOWN_DRAIN_SECONDS: '0',
      });
      const url = await server.untilReady();
      const claims = { roles: ['ADMIN'], subject: 'ada', expiresInSeconds: 3600 } as const;
      const tokens = [
        await signToken({ ...claims, secret: TEST_SECRET }),
        await signToken({ ...claims, secret: TEST_SECRET, expiresInSeconds: -60 }),
        await signToken({ ...claims, secret: 'another secret, of more than 32 bytes as well' }),
        'hunter2hunter2hunter2',
      ];
      const agent = await enrollAgent(url, tokens[0]!);
      tokens.push(agent.token, agent.key);
      for (const token of tokens) await useEverywhere(url, token);
      server.child.kill('SIGTERM');
      expect(await server.exited).toBe(0);

      expect(server.output).toContain('"operation"');
      for (const part of [TEST_SECRET, ...tokens.flatMap((token) => token.split('.'))]) {
        expect(server.output).not.toContain(part);
      }
    },
    // The process starts and opens a database within this time, on a possibly busy machine.
    SLOW_MACHINE_MS,
  );
});

/** Enrolls an agent, and enrolls others in wrong ways. */
async function enrollAgent(url: string, adminToken: string): Promise<{ token: string; key: string }> {
  const input = { machineId: 'x', hostname: 'x', ipAddress: '::1', operatingSystem: 'x' };
  const ask = async (query: string, variables: object) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${adminToken}` };
    const body = JSON.stringify({ query, variables });
    return (await (await fetch(`${url}/graphql`, { method: 'POST', headers, body })).json()) as Answer;
  };
  const created = await ask('mutation { createAgentEnrollment(input: { label: "x" }) { token } }', {});
  const { token } = created.data.createAgentEnrollment;
  const enroll =
    'mutation ($token: String!, $input: EnrollAgentInput!) { enrollAgent(token: $token, input: $input) { key } }';
  const { key } = (await ask(enroll, { token, input })).data.enrollAgent;
  for (const wrong of [
    { token, input: { ...input, machineId: 'y' } },
    { token: [token], input },
    { token, input: token },
  ]) {
    expect((await ask(enroll, wrong)).errors).toHaveLength(1);
  }
  expect((await ask(`mutation { enrollAgent(token: "${token}", input: "${key}") { key } }`, {})).errors).toHaveLength(
    1,
  );
  return { token, key };
}

/** Places of a token, right and wrong ones. */
async function useEverywhere(url: string, token: string): Promise<void> {
  const authorization = `Bearer ${token}`;
  const headers = { 'content-type': 'application/json', authorization };
  const body = JSON.stringify({ query: '{ cacheStats { hits } }' });
  await fetch(`${url}/graphql`, { method: 'POST', headers, body });
  await fetch(`${url}/graphql`, { method: 'POST', headers: { ...headers, authorization: token }, body });
  await fetch(`${url}/graphql`, { method: 'POST', headers: { ...headers, cookie: `token=${token}` }, body: '{' });
  await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query: token }) });
  await fetch(`${url}/graphql?access_token=${token}&query={__typename}`, { headers });
  await fetch(`${url}/nowhere?access_token=${token}`, { headers });
  await fetch(`${url}/metrics`, { headers });
  const socket = await RawSocket.open(url);
  socket.send({ type: 'connection_init', payload: { authorization } });
  await Promise.race([socket.next(), socket.closed]);
  socket.send({ type: 'subscribe', id: token.slice(0, 20), payload: { query: 'query', variables: { token } } });
  socket.socket.close();
  await socket.closed;
}

describe('An unforeseen error shows no internals in production', () => {
  const ID = '01890000-0000-7000-8000-000000000000';
  let testApp: TestApp;

  beforeAll(async () => {
    testApp = await startTestApp({ env: { NODE_ENV: 'production', LOG_LEVEL: 'silent' } });
    await testApp.sql('alter table workstation rename to hidden_away');
    await testApp.sql(`create function fail() returns trigger language plpgsql as
      $$ begin raise exception 'hidden_away has no such manager'; end $$`);
    await testApp.sql('create trigger fail before insert on manager for each row execute function fail()');
  });

  afterAll(() => testApp.close());

  const UNFORESEEN: [string, string][] = [
    ['a list', '{ workstations { nodes { id } } }'],
    ['one by its id', `{ workstation(id: "${ID}") { id } }`],
    ['a count', '{ workstations { totalCount } }'],
    ['an insert', 'mutation { createManager(input: { name: "X", email: "x@fleet.example" }) { id } }'],
    ['an update', `mutation { updateWorkstation(id: "${ID}", input: { name: "x" }) { id } }`],
    ['a delete', `mutation { deleteWorkstation(id: "${ID}") }`],
    ['telemetry', `mutation { reportTelemetry(readings: [{ workstationId: "${ID}", cpuUsage: 1 }]) { stored } }`],
  ];

  function expectNothingOfTheInside(answer: Answer): void {
    const [error, ...others] = answer.errors!;
    expect(others).toEqual([]);
    expect(error).toEqual({
      message: 'Internal server error',
      locations: expect.anything(),
      path: expect.anything(),
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: expect.stringMatching(/^[\w.-]{1,64}$/) },
    });
  }

  test.each(UNFORESEEN)('over HTTP: %s', async (_name, document) => {
    expectNothingOfTheInside(await testApp.ask(document));
  });

  test.each(UNFORESEEN)('over a WebSocket: %s', async (_name, document) => {
    const socket = await testApp.connect();
    const answer = await socket.subscribe(document).next();
    expectNothingOfTheInside(answer as unknown as Answer);
    await socket.close();
  });
});

/** A server without TLS that asks for the password and refuses it. */
async function startRefusingDatabase() {
  const heard: Buffer[] = [];
  const message = (type: string, body: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length + 4);
    return Buffer.concat([Buffer.from(type), length, body]);
  };
  const askForPassword = message('R', Buffer.from([0, 0, 0, 3]));
  const refuse = message(
    'E',
    Buffer.from('SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "app"\0\0'),
  );
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data: Buffer) => {
      heard.push(data);
      if (data.equals(TLS_REQUEST)) socket.write('N');
      else if (data.subarray(4, 8).equals(VERSION)) socket.write(askForPassword);
      else socket.end(refuse);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, heard, port: (server.address() as AddressInfo).port };
}
