import { Client } from 'pg';
import { createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { type Proxy as DatabaseProxy, startProxy } from '../coherence/proxy.ts';
import { createOperator, type Operator } from '../support/operator.ts';
import { type ServerProcess, startServer, until } from '../support/server-process.ts';

/* A server behind something that lets every statement through, and no notification. */

const onServers = engine === 'postgresql' ? describe : describe.skip;

const REASON = /The connection to the database does not deliver notifications: connect to PostgreSQL itself, or to a/g;

onServers('a server that is not told of changes', () => {
  let database: Awaited<ReturnType<typeof createServerDatabase>>;
  let admin: Client;
  let proxy: DatabaseProxy;
  let server: ServerProcess;
  let operator: Operator;
  let id: string;

  beforeEach(async () => {
    database = await createServerDatabase();
    admin = new Client({ connectionString: database.url });
    await admin.connect();
    const { hostname, port } = new URL(database.url);
    proxy = await startProxy({ host: hostname, port: Number(port || 5432) });
  });

  afterEach(async () => {
    await server.destroy();
    await proxy.close();
    await admin.end();
    await database.dispose();
  });

  async function start(): Promise<void> {
    const url = new URL(database.url);
    url.host = `127.0.0.1:${proxy.port}`;
    server = startServer({ DATABASE_URL: url.href, DEMO_FLEET: 'still' });
    operator = createOperator(await server.untilReady());
    id = (await admin.query('select id from workstation limit 1')).rows[0].id;
  }

  /** Past the server and its proxy. */
  async function updateElsewhere(operatingSystem: string): Promise<number> {
    const text = 'update workstation set operating_system = $2 where id = $1 returning version';
    return (await admin.query(text, [id, operatingSystem])).rows[0].version;
  }

  const isReady = async () => (await operator.readiness()).status === 200;

  test('from its start serves nothing as fresh, says why in one line, and mends by itself', async () => {
    proxy.deafen();
    await start();
    expect(await operator.readiness()).toMatchObject({
      status: 503,
      details: { changeFeed: 'connecting', reason: expect.stringMatching(REASON) },
    });
    for (const operatingSystem of ['one', 'two', 'three']) {
      await operator.read(id);
      const version = await updateElsewhere(operatingSystem);
      expect(await operator.read(id)).toEqual({ version, operatingSystem });
    }
    expect(await operator.update(id, 'four')).toBe(5);
    expect(server.output.match(REASON)).toHaveLength(1);
    proxy.restore();
    await until(isReady, Boolean);
    const version = await updateElsewhere('five');
    expect(
      await until(
        () => operator.read(id),
        (row) => typeof row === 'object' && row?.version === version,
      ),
    ).toEqual({
      version,
      operatingSystem: 'five',
    });
  });

  test('from some moment on notices it, says why in one line, and mends by itself', async () => {
    await start();
    await operator.read(id);
    expect(await isReady()).toBe(true);
    proxy.deafen();
    const version = await updateElsewhere('unheard');
    await until(
      () => operator.read(id),
      (row) => typeof row === 'object' && row?.version === version,
    );
    expect(await operator.readiness()).toMatchObject({ status: 503, details: { changeFeed: 'gap', gaps: 1 } });
    expect(await operator.update(id, 'own')).toBe(version + 1);
    expect(await operator.read(id)).toEqual({ version: version + 1, operatingSystem: 'own' });
    expect(server.output.match(REASON)).toHaveLength(1);
    proxy.restore();
    await until(isReady, Boolean);
  });

  test('answers its own writes at once, and not after a wait for an announcement that never comes', async () => {
    proxy.deafen();
    await start();
    const tookMs: number[] = [];
    for (let version = 2; version <= 6; version++) {
      const sinceMs = performance.now();
      expect(await operator.update(id, 'own')).toBe(version);
      tookMs.push(performance.now() - sinceMs);
    }
    // It waits a second for an announcement. One of five takes less on a busy machine, too.
    expect(Math.min(...tookMs)).toBeLessThan(900);
  });
});
