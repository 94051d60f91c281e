import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import WebSocket from 'ws';
import { type AppOptions, createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config.ts';
import { explainFailure } from '../../src/process/start-error.ts';
import { createEmbeddedDatabase, createEmbeddedFolder, engine } from '../support/databases.ts';
import { type ServerProcess, startServer, until } from '../support/server-process.ts';
import { TEST_SECRET } from '../support/test-app.ts';

/*
 * How the server starts, why it does not, and how it stops, on the embedded database. What PostgreSQL adds is in
 * lifecycle-postgresql.test.ts.
 */

const onEmbedded = engine === 'pglite' ? describe : describe.skip;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stationmaster-'));
});

afterEach(() => rm(folder, { recursive: true }));

onEmbedded('a server that cannot start says why in one line, and by its exit code', () => {
  /** What the process would print and exit with: that it does is in the last test. */
  async function refusal(env: Record<string, string>, options?: AppOptions) {
    const config = {
      NODE_ENV: 'test',
      PORT: '0',
      AUTH_JWT_SECRET: TEST_SECRET,
      WARM_UP: 'off',
      DATA_DIR: folder,
      ...env,
    };
    const error = await createApp(loadConfig(config), options).catch((reason: unknown) => reason);
    const { message, exitCode } = explainFailure(error);
    return { message, exitCode };
  }

  async function withDatabase(work: (pglite: PGlite) => Promise<void>): Promise<void> {
    const { pglite, dispose } = await createEmbeddedDatabase();
    await work(pglite).finally(dispose);
  }

  test('a data folder that cannot be written: 73', async () => {
    // A file in its place, because root may write to any folder.
    const file = join(folder, 'file');
    await writeFile(file, '');
    expect(await refusal({ DATA_DIR: file })).toEqual({
      exitCode: 73,
      message: `The data folder cannot be written (ENOTDIR: ${file}/pglite). Make it writable, or choose another with DATA_DIR.`,
    });
  });

  test('a data folder where nothing can be made: 73', async () => {
    expect(await refusal({ DATA_DIR: '/proc/fleet' })).toEqual({
      exitCode: 73,
      message:
        'The data folder cannot be written (ENOENT: /proc/fleet). Make it writable, or choose another with DATA_DIR.',
    });
  });

  test('a data folder in use by another process: 75', async () => {
    await createEmbeddedFolder(join(folder, 'pglite'));
    const other = startServer({ DATA_DIR: folder });
    await other.untilReady();
    expect(await refusal({})).toEqual({
      exitCode: 75,
      message: `The embedded database in ${folder}/pglite is in use by process ${other.child.pid}. Stop it first.`,
    });
    await other.destroy();
  });

  test('a data folder that holds something else: 73', async () => {
    await mkdir(join(folder, 'pglite'));
    await writeFile(join(folder, 'pglite', 'holiday.jpg'), '');
    expect(await refusal({})).toEqual({
      exitCode: 73,
      message: `The folder ${folder}/pglite holds something that is no database. Choose another with DATA_DIR.`,
    });
  });

  test('a database whose files are damaged, or of another version: 65', async () => {
    await createEmbeddedFolder(join(folder, 'pglite'));
    await writeFile(join(folder, 'pglite', 'PG_VERSION'), '16\n');
    expect(await refusal({})).toEqual({
      exitCode: 65,
      message:
        `The embedded database in ${folder}/pglite cannot be opened: its files are damaged, or of another version of ` +
        'PostgreSQL (they say 16). Restore a copy, or move the folder away to begin with an empty database.',
    });
  });

  test('a development secret that is too short: 78', async () => {
    await writeFile(join(folder, 'jwt-secret'), 'short');
    await withDatabase(async (pglite) => {
      expect(await refusal({ AUTH_JWT_SECRET: '' }, { pglite })).toEqual({
        exitCode: 78,
        message: expect.stringContaining(`${folder}/jwt-secret must hold at least 32 bytes, but does not. Delete it`),
      });
    });
  });

  test('a port in use: 69', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await withDatabase(async (pglite) => {
      expect(await refusal({ PORT: String(port) }, { pglite })).toEqual({
        exitCode: 69,
        message: 'The port is in use by another program. Stop it, or choose another with PORT.',
      });
    });
    other.close();
  });

  test('an address of another machine: 78', async () => {
    await withDatabase(async (pglite) => {
      expect(await refusal({ HOST: '192.0.2.1' }, { pglite })).toEqual({
        exitCode: 78,
        message: 'Nobody can listen on this HOST and PORT here (EADDRNOTAVAIL).',
      });
    });
  });

  test('a database that a newer build has migrated: 65', async () => {
    await withDatabase(async (pglite) => {
      await pglite.exec("insert into stationmaster_migrations (name) values ('20991231-teleport')");
      expect(await refusal({}, { pglite })).toEqual({
        exitCode: 65,
        message: 'The database was migrated by a newer build (20991231-teleport). Start that build or a later one.',
      });
    });
  });

  test('the configuration: 78, as a process', async () => {
    const server = startServer({ WARM_UP: 'often' });
    expect(await server.exited).toBe(78);
    expect(server.output).toBe('The configuration has one problem:\n  - WARM_UP must be on or off, but is "often".\n');
  });
});

onEmbedded('a server that is told to stop', () => {
  let server: ServerProcess;

  beforeEach(async () => {
    await createEmbeddedFolder(join(folder, 'pglite'));
    server = startServer({ DATA_DIR: folder, SHUTDOWN_DRAIN_SECONDS: '1' });
  });

  afterEach(() => server.destroy());

  test('is not ready any more, answers all the same, sends sockets away, and exits with 0', async () => {
    const url = await server.untilReady();
    const ready = () => fetch(`${url}/readyz`);
    expect((await ready()).status).toBe(200);
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    await once(socket, 'open');
    const closed = once(socket, 'close');

    server.child.kill('SIGTERM');
    const refusal = await until(ready, ({ status }) => status !== 200);
    expect(refusal.status).toBe(503);
    expect(await refusal.json()).toMatchObject({ status: 'not ready', details: { stage: 'stopping' } });
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ workstations { totalCount } }"}',
    });
    expect(await answer.json()).toEqual({ data: { workstations: { totalCount: 0 } } });
    expect(answer.headers.get('connection')).toBe('close');
    expect((await closed)[0]).toBe(1001);
    expect(await server.exited).toBe(0);
    await expect(fetch(`${url}/livez`)).rejects.toThrow();

    // The database was closed in good order: nothing holds it, and it opens.
    const pglite = await PGlite.create(join(folder, 'pglite'));
    expect((await pglite.query('select count(*)::int from workstation')).rows).toEqual([{ count: 0 }]);
    await pglite.close();
  });
});
