import {
  DatabaseClient,
  type DatabaseClientConfig,
  describeTarget,
} from '../../../src/database/connection/database-client.ts';
import { createServerDatabase, engine } from '../../../src/testing/test-database.ts';
import { CERTIFICATES, type Front, type FrontOptions, startFront } from '../../support/postgresql-front.ts';

/* How a client connects: encrypted as psql would be, and through poolers. */

const onServers = engine === 'postgresql' ? describe : describe.skip;

let database: Awaited<ReturnType<typeof createServerDatabase>>;
let front: Front | undefined;

beforeAll(async () => {
  if (engine === 'postgresql') database = await createServerDatabase();
});

afterEach(async () => {
  await front?.close();
  front = undefined;
});

afterAll(() => database?.dispose());

/** Connects to PostgreSQL, through what `options` describe, with a search like `?sslmode=require`. */
async function connectThrough(options: FrontOptions, search: string, host = 'localhost') {
  front = await startFront(database.url, options);
  const url = new URL(database.url);
  url.host = `${host}:${front.port}`;
  const client = createClient(url.href + search);
  await client.connect();
  return client;
}

function createClient(url: string, settings: Record<string, string> = {}): DatabaseClient {
  const target = describeTarget(url, { applicationName: 'a test', connectTimeoutMs: 10_000, settings });
  return new DatabaseClient({ target } as DatabaseClientConfig);
}

const roots = `sslrootcert=${CERTIFICATES}root.crt`;

onServers('encryption', () => {
  test.each<[string, FrontOptions, string, 'encrypted' | 'plain']>([
    ['without sslmode, none where it is not asked for', { hasTls: true }, '', 'plain'],
    ['without sslmode, where the server insists', { hasTls: true, needsTls: true }, '', 'encrypted'],
    ['allow, where the server insists', { hasTls: true, needsTls: true }, '?sslmode=allow', 'encrypted'],
    ['disable', { hasTls: true }, '?sslmode=disable', 'plain'],
    ['prefer', { hasTls: true }, '?sslmode=prefer', 'encrypted'],
    ['prefer, of a server without', {}, '?sslmode=prefer', 'plain'],
    ['require, of a server that nobody has vouched for', { hasTls: true }, '?sslmode=require', 'encrypted'],
    ['verify-ca', { hasTls: true }, `?sslmode=verify-ca&${roots}`, 'encrypted'],
    ['verify-full', { hasTls: true }, `?sslmode=verify-full&${roots}`, 'encrypted'],
    ['require, with root certificates', { hasTls: true }, `?sslmode=require&${roots}`, 'encrypted'],
  ])('%s', async (_case, options, search, expected) => {
    const client = await connectThrough(options, search);
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    expect(front!.sessions).toEqual({ encrypted: 0, plain: 0, [expected]: 1 });
    await client.end();
  });

  test.each<[string, FrontOptions, string, string, RegExp]>([
    ['require, of a server without', {}, '?sslmode=require', 'localhost', /does not support SSL connections/],
    ['disable, where the server insists', { needsTls: true }, '?sslmode=disable', 'localhost', /no encryption/],
    ['allow, where the server insists and has none', { needsTls: true }, '', 'localhost', /no encryption/],
    ['verify-full, of another authority', { hasTls: true }, '?sslmode=verify-full', 'localhost', /certificate/],
    [
      'verify-full, under another name',
      { hasTls: true },
      `?sslmode=verify-full&${roots}`,
      '127.0.0.1',
      /IP does not match/,
    ],
    ['a file that is not there', { hasTls: true }, '?sslmode=require&sslrootcert=/none', 'localhost', /ENOENT.*\/none/],
    ['a file that is no certificate', { hasTls: true }, `?sslmode=require&sslrootcert=/etc/passwd`, 'localhost', /./],
  ])('%s: refused', async (_case, options, search, host, message) => {
    await expect(connectThrough(options, search, host)).rejects.toThrow(message);
  });

  test('verify-ca asks for no name', async () => {
    const client = await connectThrough({ hasTls: true }, `?sslmode=verify-ca&${roots}`, '127.0.0.1');
    expect(front!.sessions.encrypted).toBe(1);
    await client.end();
  });

  test('channel_binding=require refuses a server that does not prove who it is', async () => {
    // The database trusts everyone, which proves nothing.
    await expect(connectThrough({ hasTls: true }, '?sslmode=require&channel_binding=require')).rejects.toThrow(
      'The server does not support channel binding',
    );
  });
});

onServers('a session', () => {
  async function show(client: DatabaseClient, ...names: string[]) {
    const settings = names.map((name) => `current_setting('${name}')`);
    const { rows } = await client.query(`select array[${settings}] as settings`);
    return rows[0].settings;
  }

  test.each(['statement_timeout', 'search_path', 'options', 'application_name', 'default_transaction_isolation'])(
    'has its settings through a pooler that refuses %s at the start',
    async (refused) => {
      front = await startFront(database.url, { refuses: [refused] });
      const url = new URL(database.url);
      url.port = String(front.port);
      const client = createClient(`${url.href}?options=-c%20work_mem%3D7MB&schema=fleet`, {
        statement_timeout: '1100',
      });
      await client.connect();
      expect(await show(client, 'statement_timeout', 'search_path', 'work_mem', 'application_name')).toEqual([
        '1100ms',
        '"fleet"',
        '7MB',
        'a test',
      ]);
      await client.end();
    },
  );

  test('is called what the URL says', async () => {
    const client = createClient(`${database.url}?application_name=fleet%20%231`);
    await client.connect();
    expect(await show(client, 'application_name')).toEqual(['fleet #1']);
    await client.end();
  });

  test('is not open when a setting is refused, and leaves nothing behind', async () => {
    const client = createClient(`${database.url}?options=-c%20work_mem%3Dlots`);
    await expect(client.connect()).rejects.toThrow('invalid value for parameter "work_mem": "lots"');
  });

  test('on a server that only reads is refused where the URL asks for one that writes', async () => {
    const client = createClient(`${database.url}?target_session_attrs=read-write`);
    await client.connect();
    await client.end();
  });
});
