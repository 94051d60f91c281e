import { Client } from 'pg';
import { createServerDatabase, engine } from '../../support/databases.ts';
import { type ServerProcess, startServer, until } from '../../support/server-process.ts';

/* A role that may have few connections: requests wait for those there are. As a process on PostgreSQL. */

const onServers = engine === 'postgresql' ? describe : describe.skip;
const ROLE = `stationmaster_limited_${process.pid}`;

let database: Awaited<ReturnType<typeof createServerDatabase>>;
let admin: Client;
let server: ServerProcess | undefined;

beforeEach(async () => {
  if (engine !== 'postgresql') return;
  database = await createServerDatabase();
  admin = new Client({ connectionString: database.url });
  await admin.connect();
});

afterEach(async () => {
  if (engine !== 'postgresql') return;
  await server?.destroy();
  await admin.query(`drop owned by ${ROLE}; drop role ${ROLE}`);
  await admin.end();
  await database.dispose();
});

async function start(limit: number): Promise<string> {
  await admin.query(`create role ${ROLE} login connection limit ${limit}`);
  await admin.query(`grant select, insert, update, delete on all tables in schema public to ${ROLE}`);
  await admin.query(
    `insert into manager (name, email) select 'M ' || n, n || '@example.com' from generate_series(1, 50) n`,
  );
  const url = new URL(database.url);
  url.username = ROLE;
  server = startServer({ DATABASE_URL: url.href, RESPONSE_CACHE: 'off' });
  return server.untilReady();
}

async function ask(url: string, query: string): Promise<{ data: unknown; errors?: { message: string }[] }> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return (await response.json()) as { data: unknown };
}

interface Readiness {
  readonly details: { readonly gaps: number };
}

const list = (first: number) => `{ managers(first: ${first}) { nodes { id name } } }`;
const create = (number: number) =>
  `mutation { createManager(input: { name: "N ${number}", email: "new-${number}@example.com" }) { version } }`;

function failuresOf(answers: readonly { errors?: { message: string }[] }[]): string[] {
  return answers.flatMap(({ errors = [] }) => errors.map(({ message }) => message));
}

onServers.each([6, 3])('with %i connections', (limit) => {
  test('lists that come at once wait for each other, and so do writes beside them', async () => {
    const url = await start(limit);
    const lists = await Promise.all(Array.from({ length: 20 }, (_, number) => ask(url, list(number + 1))));
    expect(failuresOf(lists)).toEqual([]);
    const mixed = await Promise.all([
      ...Array.from({ length: 60 }, (_, number) => ask(url, list(number + 21))),
      ...Array.from({ length: 20 }, (_, number) => ask(url, create(number))),
    ]);
    expect(failuresOf(mixed)).toEqual([]);
  });

  test('the change feed gets one back after all were lost under load', async () => {
    const url = await start(limit);
    let isOver = false;
    const load = Array.from({ length: 10 }, async (_unused, reader) => {
      for (let turn = 0; !isOver; turn++) await ask(url, list(1 + ((reader * 7 + turn) % 500))).catch(() => null);
    });
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [ROLE]);
    await until(
      () => fetch(`${url}/readyz`).then(async (response) => ({ response, body: (await response.json()) as Readiness })),
      ({ response, body }) => response.status === 200 && body.details.gaps > 0,
    );
    isOver = true;
    await Promise.all(load);
    expect(failuresOf([await ask(url, create(99))])).toEqual([]);
  });
});
