import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Client } from 'pg';
import WebSocket from 'ws';
import { createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { type Proxy as DatabaseProxy, startProxy } from '../coherence/proxy.ts';
import { findFreePort, type ServerProcess, startServer, until } from '../support/server-process.ts';

/* How the server starts, why it does not, and how it stops, as a process on PostgreSQL. */

const onServers = engine === 'postgresql' ? describe : describe.skip;

let database: Awaited<ReturnType<typeof createServerDatabase>>;
let proxy: DatabaseProxy;
let throughProxy: string;
let server: ServerProcess;

beforeEach(async () => {
  if (engine !== 'postgresql') return;
  database = await createServerDatabase();
  const url = new URL(database.url);
  proxy = await startProxy({ host: url.hostname, port: Number(url.port || 5432) });
  url.host = `127.0.0.1:${proxy.port}`;
  throughProxy = url.href;
});

afterEach(async () => {
  if (engine !== 'postgresql') return;
  await server?.destroy();
  await proxy.close();
  await database.dispose();
});

function ask(url: string, query: string): Promise<Response> {
  return fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
}

function createManager(number: number): string {
  const input = `{ name: "Manager ${number}", email: "manager-${number}@example.com" }`;
  return `mutation { createManager(input: ${input}) { version } }`;
}

/** Sends a request without its body and resolves once the server has accepted it, to a function that sends the body. */
async function beginAsking(url: string, query: string): Promise<() => Promise<string>> {
  const asked = request(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', expect: '100-continue' },
    agent: false,
  });
  asked.flushHeaders();
  await once(asked, 'continue');
  return async () => {
    asked.end(JSON.stringify({ query }));
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return (await response.setEncoding('utf8').toArray()).join('');
  };
}

onServers('a server that cannot use its PostgreSQL says why in one line, and by its exit code', () => {
  async function refusal(change: (url: URL) => void) {
    const url = new URL(database.url);
    change(url);
    server = startServer({ DATABASE_URL: url.href });
    return { exitCode: await server.exited, output: server.output };
  }

  test('an unknown user: 77', async () => {
    expect(await refusal((url) => (url.username = 'nobody_at_all'))).toEqual({
      exitCode: 77,
      output: expect.stringMatching(/^PostgreSQL refuses .* of DATABASE_URL \(.*"nobody_at_all".*\)\.\n$/),
    });
  });

  test('a database that does not exist, and is not created: 66', async () => {
    expect(await refusal((url) => (url.pathname += '_misspelt'))).toEqual({
      exitCode: 66,
      output: expect.stringMatching(/^There is no such database as in DATABASE_URL \(.*_misspelt".*\)\.\n$/),
    });
  });

  test('a PostgreSQL that is too old: 76', async () => {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    // The search path puts this function before the one that the server calls for the version.
    await client.query(`create function current_setting(text) returns text language sql as
      $$ select case $1 when 'server_version_num' then '130022' else '13.22' end $$`);
    await client.query(`do $$ begin execute format('alter database %I set search_path = public, pg_catalog',
      current_database()); end $$`);
    await client.end();
    expect(await refusal(() => {})).toEqual({
      exitCode: 76,
      output: 'PostgreSQL 13.22 is too old: Stationmaster needs 14 or newer.\n',
    });
  });
});

onServers('a server whose PostgreSQL is not there yet', () => {
  test('is live but not ready, tells clients and its log, and becomes ready once PostgreSQL is there', async () => {
    proxy.cut();
    const port = String(await findFreePort());
    server = startServer({ DATABASE_URL: throughProxy, PORT: port });
    const url = `http://127.0.0.1:${port}`;
    await server.untilPrinted(/The database cannot be reached \(.+\); trying again in \d+ ms\./);
    const reach = (path: string) => fetch(`${url}${path}`).catch(() => null);
    const live = await until(
      () => reach('/livez'),
      (answer) => answer !== null,
    );
    expect(live!.status).toBe(200);
    const readiness = (await reach('/readyz'))!;
    expect(readiness.status).toBe(503);
    expect(await readiness.json()).toMatchObject({ details: { stage: 'waiting for the database' } });
    const refusal = await ask(url, '{ workstations { totalCount } }');
    expect(refusal.status).toBe(503);
    expect(await refusal.json()).toEqual({
      errors: [
        {
          message: 'The server is waiting for the database; try again.',
          extensions: { code: 'UNAVAILABLE' },
        },
      ],
    });

    proxy.restore();
    expect(await server.untilReady()).toBe(url);
    expect((await reach('/readyz'))!.status).toBe(200);
    expect(await (await ask(url, '{ workstations { totalCount } }')).json()).toEqual({
      data: { workstations: { totalCount: 0 } },
    });
  });

  test('stops on SIGTERM and exits with 0', async () => {
    proxy.cut();
    server = startServer({ DATABASE_URL: throughProxy });
    await server.untilPrinted(/trying again/);
    server.child.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  });
});

onServers('a server that is told to stop', () => {
  test('answers 500 slow requests that are in flight', async () => {
    server = startServer({ DATABASE_URL: database.url, SHUTDOWN_DRAIN_SECONDS: '1' });
    const url = await server.untilReady();
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    await once(socket, 'open');
    const closed = once(socket, 'close');
    const client = new Client({ connectionString: database.url });
    await client.connect();

    // Most are slow because their senders are, a few because of locks in the database.
    const reads = await Promise.all(
      Array.from({ length: 492 }, () => beginAsking(url, '{ workstations { totalCount } }')),
    );
    await client.query('begin; lock table manager in exclusive mode');
    const writes = Array.from({ length: 8 }, (_unused, index) => ask(url, createManager(index)));
    const waiting = () => client.query("select from pg_locks where relation = 'manager'::regclass and not granted");
    await until(waiting, ({ rowCount }) => rowCount === writes.length);

    server.child.kill('SIGTERM');
    const ready = () => fetch(`${url}/readyz`);
    expect((await until(ready, ({ status }) => status !== 200)).status).toBe(503);
    const early = reads.slice(0, 246).map((finish) => finish());
    await client.query('commit');
    await until(
      () => ready().catch(() => 'refused'),
      (answer) => answer === 'refused',
    );
    const late = reads.slice(246).map((finish) => finish());

    for (const write of writes) {
      expect(await (await write).json()).toMatchObject({ data: { createManager: { version: 1 } } });
    }
    for (const answer of [...early, ...late]) {
      expect(await answer).toBe('{"data":{"workstations":{"totalCount":0}}}\n');
    }
    expect((await closed)[0]).toBe(1001);
    expect(await server.exited).toBe(0);
    expect((await client.query('select count(*)::int from manager')).rows).toEqual([{ count: 8 }]);
    await client.end();
  });

  test('ends within its grace period although PostgreSQL hangs, and answers the waiting clients', async () => {
    server = startServer({ DATABASE_URL: throughProxy, SHUTDOWN_GRACE_SECONDS: '30' });
    const url = await server.untilReady();
    proxy.freeze('all');
    const finish = await beginAsking(url, '{ workstations { nodes { id } } }');
    const startedAtMs = performance.now();
    server.child.kill('SIGTERM');
    expect(JSON.parse(await finish())).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
    expect(await server.exited).toBe(0);
    expect(performance.now() - startedAtMs).toBeLessThan(30_000);
  });

  test('twice ends at once', async () => {
    server = startServer({ DATABASE_URL: database.url, SHUTDOWN_DRAIN_SECONDS: '60', SHUTDOWN_GRACE_SECONDS: '60' });
    await server.untilReady();
    server.child.kill('SIGTERM');
    await server.untilPrinted(/Once more to stop at once/);
    const again = setInterval(() => server.child.kill('SIGTERM'), 50);
    expect(await server.exited).toBe(143);
    clearInterval(again);
  });

  test('by Ctrl-C, which npm passes on a second time, still answers what is in flight', async () => {
    server = startServer({ DATABASE_URL: database.url, SHUTDOWN_DRAIN_SECONDS: '60', SHUTDOWN_GRACE_SECONDS: '60' });
    await server.untilReady();
    server.child.kill('SIGINT');
    server.child.kill('SIGINT');
    expect(await server.exited).toBe(0);
  });
});
