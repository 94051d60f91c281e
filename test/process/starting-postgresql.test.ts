import { existsSync } from 'node:fs';
import { Client } from 'pg';
import { createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { type Front, startFront } from '../support/postgresql-front.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

/* What keeps a server from starting that its operator can mend, and what must not, as a process on PostgreSQL. */

const onServers = engine === 'postgresql' ? describe : describe.skip;

let database: Awaited<ReturnType<typeof createServerDatabase>>;
let admin: Client;
let server: ServerProcess | undefined;
let front: Front | undefined;

beforeEach(async () => {
  if (engine !== 'postgresql') return;
  database = await createServerDatabase();
  admin = new Client({ connectionString: database.url });
  await admin.connect();
});

afterEach(async () => {
  if (engine !== 'postgresql') return;
  await server?.destroy();
  await front?.close();
  front = undefined;
  await admin.query(`do $$ begin if to_regrole('${ROLE}') is not null then drop owned by ${ROLE}; end if; end $$`);
  await admin.query(`drop role if exists ${ROLE}`);
  await admin.end();
  await database.dispose();
});

const ROLE = `stationmaster_role_${process.pid}`;
/** All that hold data, in alphabetical order. */
const TABLES = 'agent_enrollment, agent_key, manager, workstation';

function urlWith(change: (url: URL) => void): string {
  const url = new URL(database.url);
  change(url);
  return url.href;
}

async function refusal(url: string) {
  server = startServer({ DATABASE_URL: url });
  return { exitCode: await server.exited, output: server.output };
}

async function ask(query: string) {
  const url = await server!.untilReady();
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return response.json();
}

onServers('a server says in one line, and by its exit code', () => {
  beforeEach(() => admin.query(`create role ${ROLE} login`));
  const asRole = (url: URL) => (url.username = ROLE);

  test('that its role may not make tables: 77', async () => {
    await admin.query('drop table workstation, manager, stationmaster_migrations');
    // As it is from PostgreSQL 15 on.
    await admin.query('revoke create on schema public from public');
    expect(await refusal(urlWith(asRole))).toEqual({
      exitCode: 77,
      output: `The role "${ROLE}" lacks the right to create tables in the schema "public". Run as the owner: grant create on schema "public" to "${ROLE}";\n`,
    });
  });

  test('that its role may not write: 77', async () => {
    await admin.query(`grant select on stationmaster_migrations, ${TABLES} to ${ROLE}`);
    expect(await refusal(urlWith(asRole))).toEqual({
      exitCode: 77,
      output: `The role "${ROLE}" lacks the right to delete, insert, update on ${TABLES}. Run as the owner: grant delete, insert, update on ${TABLES} to "${ROLE}";\n`,
    });
  });

  test('that its role may not use the schema: 66', async () => {
    expect(await refusal(`${urlWith(asRole)}?schema=nowhere`)).toEqual({
      exitCode: 66,
      output: `No schema of the search path ("nowhere") is there, or may be used by the role "${ROLE}". Create one, or grant usage.\n`,
    });
  });

  test('that the names of its tables are taken: 65', async () => {
    await admin.query('drop table stationmaster_migrations');
    const { exitCode, output } = await refusal(database.url);
    expect(exitCode).toBe(65);
    expect(output).toMatch(
      /^The database holds something else under a name that the server needs; .*already exists.*\)\.\n$/,
    );
  });

  test('that PostgreSQL refuses a setting: 78', async () => {
    expect(await refusal(`${database.url}?options=-c%20geqo%3Dperhaps`)).toEqual({
      exitCode: 78,
      output: 'PostgreSQL refuses a setting in DATABASE_URL (parameter "geqo" requires a Boolean value).\n',
    });
  });

  test('that PostgreSQL does not encrypt: 78', async () => {
    front = await startFront(database.url);
    expect(await refusal(`${urlWith((url) => (url.port = String(front!.port)))}?sslmode=require`)).toEqual({
      exitCode: 78,
      output:
        'PostgreSQL does not encrypt connections as DATABASE_URL asks for (The server does not support SSL connections).\n',
    });
  });

  test('that no one has vouched for the certificate of PostgreSQL: 78', async () => {
    front = await startFront(database.url, { hasTls: true });
    const { exitCode, output } = await refusal(
      `${urlWith((url) => (url.host = `localhost:${front!.port}`))}?sslmode=verify-full`,
    );
    expect(exitCode).toBe(78);
    expect(output).toMatch(/^No encrypted connection to PostgreSQL can be made as DATABASE_URL asks for; .*\)\.\n$/);
  });
});

const CREATE = 'mutation { createManager(input: { name: "Ada", email: "ada@example.com" }) { version } }';

onServers('a server starts, reads and writes', () => {
  test.each(['statement_timeout', 'idle_in_transaction_session_timeout', 'application_name'])(
    'through a pooler that refuses %s at the start of a session',
    async (refused) => {
      front = await startFront(database.url, { refuses: [refused] });
      server = startServer({ DATABASE_URL: urlWith((url) => (url.port = String(front!.port))) });
      expect(await ask(CREATE)).toMatchObject({ data: { createManager: { version: 1 } } });
      expect(await ask('{ managers { totalCount } }')).toEqual({ data: { managers: { totalCount: 1 } } });
      expect(server.output).not.toContain('trying again');
    },
  );

  test('encrypted, on a certificate that no one has vouched for, with sslmode=require', async () => {
    front = await startFront(database.url, { hasTls: true, needsTls: true });
    const url = `${urlWith((url) => (url.host = `localhost:${front!.port}`))}?sslmode=require`;
    server = startServer({ DATABASE_URL: url });
    expect(await ask(CREATE)).toMatchObject({ data: { createManager: { version: 1 } } });
    expect(await ask('{ managers { totalCount } performanceMetrics { changeFeed { state } } }')).toMatchObject({
      data: { managers: { totalCount: 1 } },
    });
    expect(front.sessions).toMatchObject({ plain: 0 });
    // Reads, writes and the feed.
    expect(front.sessions.encrypted).toBeGreaterThanOrEqual(3);
  });

  test('in the schema that the URL names, and again when it is started again', async () => {
    await admin.query('create schema fleet');
    const url = `${database.url}?schema=fleet`;
    server = startServer({ DATABASE_URL: url });
    expect(await ask(CREATE)).toMatchObject({ data: { createManager: { version: 1 } } });
    await server.destroy();
    server = startServer({ DATABASE_URL: url });
    expect(await ask('{ managers { totalCount } }')).toEqual({ data: { managers: { totalCount: 1 } } });
    expect((await admin.query('select name from fleet.manager')).rows).toEqual([{ name: 'Ada' }]);
    expect((await admin.query('select name from public.manager')).rows).toEqual([]);
  });

  test('as a role that may read and write the tables, and make none', async () => {
    await admin.query(`create role ${ROLE} login`);
    await admin.query(`grant select on stationmaster_migrations to ${ROLE}`);
    await admin.query(`grant select, insert, update, delete on ${TABLES} to ${ROLE}`);
    server = startServer({ DATABASE_URL: urlWith((url) => (url.username = ROLE)) });
    expect(await ask(CREATE)).toMatchObject({ data: { createManager: { version: 1 } } });
  });

  test('over a Unix socket', async () => {
    const { rows } = await admin.query(
      "select split_part(current_setting('unix_socket_directories'), ',', 1) as folder",
    );
    const { username, port, pathname } = new URL(database.url);
    // Only where PostgreSQL runs on this machine.
    if (!existsSync(`${rows[0].folder}/.s.PGSQL.${port || 5432}`)) return;
    const url = `postgres://${username}:x@${pathname}?host=${rows[0].folder}&port=${port || 5432}`;
    server = startServer({ DATABASE_URL: url });
    expect(await ask(CREATE)).toMatchObject({ data: { createManager: { version: 1 } } });
  });
});
