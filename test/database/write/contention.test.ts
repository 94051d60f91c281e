import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { engine } from '../../../src/testing/test-database.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';

/* Writes that PostgreSQL undoes, or refuses for the moment, because of what others do. */

const onServers = engine === 'postgresql' ? describe : describe.skip;

let testApp: TestApp;
let other: Client;
let ids: string[];

async function start(options: string): Promise<void> {
  let databaseUrl = '';
  testApp = await startTestApp({
    fleet: { managers: 1, workstations: 3 },
    connectThrough: async (url) => {
      databaseUrl = url.href;
      return new URL(`${url.href}?options=${encodeURIComponent(options)}`);
    },
  });
  other = new Client({ connectionString: databaseUrl });
  await other.connect();
  ids = (await testApp.sql<{ id: string }>('select id from workstation order by id')).map(({ id }) => id);
}

afterEach(async () => {
  await other?.end();
  await testApp?.close();
});

const rename = (id: string, name: string) =>
  testApp.ask(`mutation { updateWorkstation(id: "${id}", input: { name: "${name}" }) { name } }`);
const report = (...reported: string[]) => {
  const readings = reported.map((id) => `{ workstationId: "${id}", cpuUsage: 7 }`).join();
  return testApp.ask(`mutation { reportTelemetry(readings: [${readings}]) { stored } }`);
};

onServers('with a lock_timeout', () => {
  beforeEach(() => start('-c lock_timeout=100ms'));

  test('an update and a report wait for a row that another session holds', async () => {
    await other.query('begin');
    await other.query('select from workstation where id = $1 for update', [ids[0]]);
    const answers = Promise.all([rename(ids[0]!, 'renamed'), report(ids[0]!)]);
    await sleep(600);
    await other.query('commit');
    expect(await answers).toMatchObject([
      { data: { updateWorkstation: { name: 'renamed' } } },
      { data: { reportTelemetry: { stored: 1 } } },
    ]);
  });

  test('they are UNAVAILABLE when it takes too long, and agents can send again', async () => {
    await other.query('begin');
    await other.query('select from workstation where id = $1 for update', [ids[0]]);
    for (const answer of await Promise.all([rename(ids[0]!, 'renamed'), report(ids[0]!)])) {
      expect(answer.errors).toMatchObject([
        { message: 'Others are writing to the same rows; try again.', extensions: { code: 'UNAVAILABLE' } },
      ]);
    }
    await other.query('rollback');
    expect(await report(ids[0]!)).toMatchObject({ data: { reportTelemetry: { stored: 1 } } });
  });
});

onServers('a report', () => {
  test('that PostgreSQL undoes to resolve a deadlock is stored all the same', async () => {
    await start('-c deadlock_timeout=100ms');
    await other.query('begin');
    await other.query("update workstation set operating_system = 'x' where id = $1", [ids[1]]);
    const answer = report(ids[0]!, ids[1]!);
    const waits = "select count(*)::int from pg_locks where not granted and locktype = 'transactionid'";
    while ((await testApp.sql<{ count: number }>(waits))[0]!.count === 0) await sleep(5);
    await other.query("update workstation set operating_system = 'x' where id = $1", [ids[0]]);
    await other.query('commit');
    expect(await answer).toMatchObject({ data: { reportTelemetry: { stored: 2 } } });
    expect(await testApp.sql('select count(*)::int from workstation where cpu_usage = 7')).toEqual([{ count: 2 }]);
  });
});

onServers('where transactions are isolated more than needed', () => {
  test.each(['repeatable\\ read', 'serializable'])(
    '%s: updates of the same rows at once all succeed',
    async (isolation) => {
      await start(`-c default_transaction_isolation=${isolation}`);
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, number) => rename(ids[number % 3]!, `renamed ${number}`)),
      );
      expect(answers.flatMap(({ errors = [] }) => errors)).toEqual([]);
    },
  );
});

onServers('on a server that only reads for a while', () => {
  test('writes are UNAVAILABLE, and succeed as soon as it takes them again', async () => {
    await start('');
    const [{ name }] = (await other.query('select current_database() as name')).rows;
    const end =
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'stationmaster%' and datname = $1";
    await other.query(`alter database ${name} set default_transaction_read_only = on`);
    await other.query(end, [name]);
    await sleep(200);
    for (const write of [rename(ids[0]!, 'renamed'), report(ids[0]!)]) {
      expect((await write).errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }]);
    }
    expect((await rename(ids[1]!, 'renamed')).errors).toMatchObject([
      { message: 'The database cannot do this at the moment; try again.', extensions: { code: 'UNAVAILABLE' } },
    ]);
    await other.query(`alter database ${name} reset default_transaction_read_only`);
    expect(await rename(ids[0]!, 'renamed')).toMatchObject({ data: { updateWorkstation: { name: 'renamed' } } });
    expect(await report(ids[0]!)).toMatchObject({ data: { reportTelemetry: { stored: 1 } } });
  });
});
