import { Client } from 'pg';
import { createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { createOperator } from '../support/operator.ts';
import { type ServerProcess, startServer, until } from '../support/server-process.ts';

/* Operators change the columns of tables that a server reads: before it starts, and while it runs. */

const onServers = engine === 'postgresql' ? describe : describe.skip;

const ROWS = 60;

/** A change of the table, and the change that takes it back. */
interface Change {
  readonly what: string;
  readonly sql: string;
  readonly back: string;
}

function retype(column: string, type: string, back: string): Change {
  const sql = (to: string) => `alter table workstation alter ${column} type ${to}`;
  return { what: `${column} as ${type}`, sql: sql(type), back: sql(back) };
}

/** Other types that hold the same values. */
const READABLE: readonly Change[] = [
  retype('version', 'bigint', 'int'),
  retype('version', 'smallint', 'int'),
  retype('cpu_usage', 'real', 'float8'),
  retype('cpu_usage', 'numeric(5, 2)', 'float8'),
  {
    what: 'ip_address as text',
    sql: `alter table workstation drop constraint workstation_ip_address_check;
      alter table workstation alter ip_address type text using host(ip_address)`,
    back: 'alter table workstation alter ip_address type inet using ip_address::inet',
  },
  retype('name', 'varchar(200) collate "und-x-icu"', 'text collate "C"'),
  {
    what: 'hostname as a domain',
    sql: `create domain hostname as text check (value <> ''); alter table workstation alter hostname type hostname`,
    back: 'alter table workstation alter hostname type text',
  },
  {
    what: 'a column more',
    sql: 'alter table workstation add rack int not null default 7',
    back: 'alter table workstation drop rack',
  },
];

/** Types that hold other values, and columns that are not there. */
const UNREADABLE: readonly (Change & { readonly says: RegExp })[] = [
  {
    ...retype('created_at', 'timestamp(3)', 'timestamptz(3)'),
    says: /"workstation\.created_at\\?" is timestamp\(3\) without time zone\. It has to be timestamp\(3\) with time zone/,
  },
  {
    ...retype('updated_at', 'timestamptz', 'timestamptz(3)'),
    says: /"workstation\.updated_at\\?" is timestamp with time zone\. It has to be timestamp\(3\) with time zone/,
  },
  {
    what: 'status as an enum',
    sql: `create type status as enum ('ONLINE', 'OFFLINE', 'MAINTENANCE', 'ERROR');
      alter table workstation drop constraint workstation_status_check, alter status drop default;
      alter table workstation alter status type status using status::status`,
    back: 'alter table workstation alter status type text collate "C"',
    says: /"workstation\.status\\?" is status\. It has to be text or character varying/,
  },
  {
    ...retype('operating_system', 'char(100)', 'text'),
    says: /"workstation\.operating_system\\?" is character\(100\)\. It has to be text or character varying/,
  },
  {
    what: 'version as text',
    sql: 'alter table workstation alter version drop default; alter table workstation alter version type text',
    back: 'alter table workstation alter version type int using version::int',
    says: /"workstation\.version\\?" is text\. It has to be integer, smallint or bigint/,
  },
  {
    what: 'hostname missing',
    sql: 'alter table workstation rename hostname to host',
    back: 'alter table workstation rename host to hostname',
    says: /column t\.hostname does not exist/,
  },
];

onServers('a table whose columns were changed', () => {
  let database: Awaited<ReturnType<typeof createServerDatabase>>;
  let admin: Client;
  let server: ServerProcess | undefined;

  beforeEach(async () => {
    database = await createServerDatabase();
    admin = new Client({ connectionString: database.url });
    await admin.connect();
    await admin.query(`
      insert into manager (name, email) select 'm' || i, i || '@example.com' from generate_series(1, 4) i;
      insert into workstation (name, hostname, ip_address, operating_system, cpu_usage, manager_id)
        select chr(65 + i % 26 + 32 * (i % 2)) || i, 'host' || i, ('10.0.0.' || i)::inet, 'os ' || i % 3,
          case when i % 7 > 0 then i % 10 + 0.1 * (i % 4) end, (select id from manager where name = 'm' || i % 4 + 1)
        from generate_series(1, ${ROWS}) i`);
  });

  afterEach(async () => {
    await server?.destroy();
    server = undefined;
    await admin.end();
    await database.dispose();
  });

  async function start(): Promise<string> {
    server = startServer({ DATABASE_URL: database.url });
    return server.untilReady();
  }

  const ask = (url: string, query: string): Promise<any> => createOperator(url).ask(query);

  /** What was cached before is dropped with the next heartbeat of the change feed. */
  async function alter(url: string, sql: string): Promise<void> {
    const gaps = async () => (await readiness(url)).details.gaps;
    await untilLive(url);
    const before = await gaps();
    await admin.query(sql);
    await until(gaps, (count) => count > before);
  }

  function untilLive(url: string): Promise<unknown> {
    return until(
      () => readiness(url),
      ({ details }) => details.changeFeed === 'live',
    );
  }

  const readiness = (url: string): Promise<any> => createOperator(url).readiness();

  const FIELDS = 'id name hostname ipAddress operatingSystem status cpuUsage version createdAt manager { id name }';

  /** All workstations by pages, each of which begins behind a cursor. */
  async function readAll(url: string, order: string): Promise<any[]> {
    const rows: any[] = [];
    for (let after = ''; rows.length <= 2 * ROWS; ) {
      const list = `workstations(first: 7, ${after} orderBy: { field: ${order}, direction: ASC })`;
      const { data, errors } = await ask(url, `{ ${list} { nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } } }`);
      if (errors) throw new Error(JSON.stringify(errors));
      rows.push(...data.workstations.nodes);
      if (!data.workstations.pageInfo.hasNextPage) break;
      after = `after: "${data.workstations.pageInfo.endCursor}",`;
    }
    return rows;
  }

  /** The same from the database itself, as text. */
  async function readFromTable(order: string): Promise<any[]> {
    const { rows } = await admin.query(`
      select w.id, w.name, w.hostname, host(w.ip_address::inet) as "ipAddress", w.operating_system as "operatingSystem",
        w.status, w.cpu_usage::text::float8 as "cpuUsage", w.version::int as version, w.created_at as "createdAt",
        json_build_object('id', m.id, 'name', m.name) as manager
      from workstation w join manager m on m.id = w.manager_id order by ${order}, w.id`);
    return rows.map((row) => ({ ...row, createdAt: row.createdAt.toISOString() }));
  }

  const ORDERS = { NAME: 'w.name collate "C"', CPU_USAGE: 'w.cpu_usage', CREATED_AT: 'w.created_at' } as const;

  async function expectRightValues(url: string): Promise<void> {
    for (const [order, sql] of Object.entries(ORDERS)) {
      expect(await readAll(url, order)).toEqual(await readFromTable(sql));
    }
    const nested = await ask(url, '{ managers { nodes { workstations(first: 3) { nodes { id name version } } } } }');
    for (const { workstations } of nested.data.managers.nodes) {
      for (const { id, name, version } of workstations.nodes) {
        const { rows } = await admin.query('select name, version::int from workstation where id = $1', [id]);
        expect(rows).toEqual([{ name, version }]);
      }
    }
  }

  async function writesAndReads(url: string): Promise<void> {
    const [{ id, version }] = await readAll(url, 'NAME');
    const update = `mutation { updateWorkstation(id: "${id}", input: { hostname: "new", expectedVersion: ${version} }) { version } }`;
    expect(await ask(url, update)).toMatchObject({ data: { updateWorkstation: { version: version + 1 } } });
    const report = `mutation { reportTelemetry(readings: [{ workstationId: "${id}", cpuUsage: 12.3 }]) { stored } }`;
    expect(await ask(url, report)).toMatchObject({ data: { reportTelemetry: { stored: 1 } } });
    const read = await ask(url, `{ workstation(id: "${id}") { hostname cpuUsage version } }`);
    expect(read).toEqual({ data: { workstation: { hostname: 'new', cpuUsage: 12.3, version: version + 1 } } });
    // Another program's write arrives as JSON. Sessions that wrote before cannot any more: their triggers are planned.
    const other = new Client({ connectionString: database.url });
    await other.connect();
    await other.query('update workstation set cpu_usage = 45.6 where id = $1', [id]);
    await other.end();
    await until(
      () => ask(url, `{ workstation(id: "${id}") { cpuUsage } }`),
      ({ data }) => data.workstation.cpuUsage === 45.6,
    );
  }

  test('is read and written as before where the new type holds the same values', async () => {
    const url = await start();
    await expectRightValues(url);
    for (const { sql, back } of READABLE) {
      await alter(url, sql);
      await expectRightValues(url);
      await writesAndReads(url);
      await expectRightValues(url);
      await alter(url, back);
    }
    await expectRightValues(url);
  });

  test('is refused while the server runs, and named, where it does not, until it is changed back', async () => {
    const url = await start();
    for (const { sql, back, says } of UNREADABLE) {
      await expectRightValues(url);
      await alter(url, sql);
      for (const order of Object.keys(ORDERS)) {
        const query = `{ workstations(first: 5, orderBy: { field: ${order} }) { nodes { ${FIELDS} } } }`;
        const { data, errors } = await ask(url, query);
        expect(data).toBeNull();
        expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
      }
      await server!.untilPrinted(says);
      // It says so as long as it lasts.
      await until(
        () => readiness(url),
        ({ details }) => details.changeFeed === 'gap' && says.test(JSON.stringify(details.reason)),
      );
      // What does not need the table goes on.
      expect(await ask(url, '{ managers { totalCount } }')).toEqual({ data: { managers: { totalCount: 4 } } });
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      await admin.query(back);
      await untilLive(url);
    }
    await expectRightValues(url);
  });

  test.each([...READABLE, ...UNREADABLE].filter(({ what }) => /bigint|numeric|enum|missing/.test(what)))(
    'leaves /livez answered while it blocks reads and writes: $what',
    async ({ sql }) => {
      const url = await start();
      const [{ id }] = await readAll(url, 'NAME');
      const watcher = new Client({ connectionString: database.url });
      await watcher.connect();
      const countBlocked = async (): Promise<number> => {
        const { rows } = await watcher.query(`select count(*)::int as blocked from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`);
        return rows[0].blocked;
      };
      await admin.query('begin');
      await admin.query(sql);
      const report = `mutation { reportTelemetry(readings: [{ workstationId: "${id}", cpuUsage: 1 }]) { stored } }`;
      const list = (name: number) => `{ workstations(filter: { nameContains: "${name}" }) { totalCount } }`;
      const asked = Array.from({ length: 20 }, (_, n) => ask(url, n % 2 ? report : list(100 + n)));
      await until(countBlocked, (blocked) => blocked > 1);
      for (let n = 0; n < 20; n++) expect((await fetch(`${url}/livez`)).status).toBe(200);
      expect(await countBlocked()).toBeGreaterThan(0);
      await admin.query('rollback');
      await Promise.all(asked);
      await watcher.end();
      await untilLive(url);
      await expectRightValues(url);
    },
  );

  test('does not keep a server from starting where the new type holds the same values', async () => {
    for (const { sql } of READABLE.filter(({ what }) => /bigint|real|domain/.test(what))) await admin.query(sql);
    await expectRightValues(await start());
  });

  test.each(UNREADABLE.filter(({ what }) => /timestamp\(3\)|enum|missing/.test(what)))(
    'is refused at the start, in one line: $what',
    async ({ sql, says }) => {
      await admin.query(sql);
      server = startServer({ DATABASE_URL: database.url });
      expect(await server.exited).toBe(78);
      expect(server.output).toMatch(says);
      expect(server.output.trim().split('\n')).toHaveLength(1);
    },
  );
});
