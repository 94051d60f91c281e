import { Client, type ClientBase, Pool } from 'pg';
import { requireOwnSession } from '../../src/database/own-session.ts';
import { createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { startServer } from '../support/server-process.ts';

/* Whether a connection is one session: not through poolers that give each transaction another one. */

const onServers = engine === 'postgresql' ? describe : describe.skip;

onServers('a server', () => {
  let database: Awaited<ReturnType<typeof createServerDatabase>>;
  let pool: Pool;
  const clients: Client[] = [];

  beforeEach(async () => {
    database = await createServerDatabase();
    pool = new Pool({ connectionString: database.url });
  });

  afterEach(async () => {
    await pool.end();
    for (const client of clients.splice(0)) await client.end();
    await database.dispose();
  });

  async function connect(): Promise<Client> {
    const client = new Client({ connectionString: database.url });
    clients.push(client);
    await client.connect();
    return client;
  }

  test('takes a connection to PostgreSQL for what it is', async () => {
    await expect(requireOwnSession(await connect(), pool)).resolves.toBeUndefined();
  });

  test('does not start where each statement goes to another session', async () => {
    const sessions = [await connect(), await connect()];
    const pooled = { query: (text: string) => sessions.shift()!.query(text) } as unknown as ClientBase;
    await expect(requireOwnSession(pooled, pool)).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringMatching(
        /^DATABASE_URL leads through a pooler .* Connect to PostgreSQL itself, or to a pool in/,
      ),
    });
  });

  test('starts with pools of one connection', async () => {
    const server = startServer({ DATABASE_URL: database.url, DATABASE_POOL_SIZE: '1' });
    await server.untilReady();
    await server.destroy();
  });
});
