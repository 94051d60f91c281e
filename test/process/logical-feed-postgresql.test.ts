import { Client } from 'pg';
import { engine } from '../../src/testing/test-database.ts';
import { createOperator } from '../support/operator.ts';
import {
  createCluster,
  DECODED,
  findPostgresqlPrograms,
  type PostgresqlCluster,
} from '../support/postgresql-cluster.ts';
import { type ServerProcess, startServer, until } from '../support/server-process.ts';

/* Servers that decode the log, beside others that depend on the triggers. */

const programs = engine === 'postgresql' ? await findPostgresqlPrograms() : null;
const onClusters = programs ? describe : describe.skip;

const SWITCHED_OFF =
  'The triggers that announce changes are switched off: set CHANGE_FEED=logical, as for the other instances, or run: ' +
  'select stationmaster_notify_changes(true);';

onClusters('a server', () => {
  let cluster: PostgresqlCluster;
  let admin: Client;
  const servers: ServerProcess[] = [];

  async function open(settings: Readonly<Record<string, string>>): Promise<void> {
    cluster = await createCluster(programs!, settings);
    admin = new Client({ connectionString: cluster.url });
    admin.on('error', () => {});
    await admin.connect();
  }

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.destroy()));
    await admin.end();
    await cluster.destroy();
  });

  function start(changeFeed: 'notify' | 'logical', role = 'postgres'): ServerProcess {
    const url = cluster.url.replace('postgres@', `${role}@`);
    const server = startServer({ DATABASE_URL: url, CHANGE_FEED: changeFeed, DEMO_FLEET: 'still' });
    servers.push(server);
    return server;
  }

  const operate = async (server: ServerProcess) => createOperator(await server.untilReady());

  test('that is to decode a log without the changes says what to set, and ends with 78', async () => {
    await open({ wal_level: 'replica' });
    const server = start('logical');
    expect([await server.exited, server.output]).toEqual([
      78,
      'CHANGE_FEED=logical needs wal_level = logical, and it is replica: change it in postgresql.conf and restart PostgreSQL.\n',
    ]);
  });

  test('whose role may not decode the log says so, and ends with 77', async () => {
    await open(DECODED);
    await admin.query(
      'create role api login; grant create on schema public to api; grant create on database postgres to api',
    );
    const server = start('logical', 'api');
    expect([await server.exited, server.output]).toEqual([
      77,
      'The role of DATABASE_URL may not decode the log, as CHANGE_FEED=logical needs it to. Run as a superuser: ' +
        'alter role … replication;\n',
    ]);
  });

  test('hears of everything beside one of the other kind, until the triggers are switched off', async () => {
    await open(DECODED);
    const notified = await operate(start('notify'));
    const decoding = await operate(start('logical'));
    const { rows } = await admin.query('select id from workstation order by id limit 1');
    const [{ id }] = rows;
    const shows = (name: string) => async () =>
      [await notified.read(id), await decoding.read(id)].every(
        (row) => row !== null && (row as any).operatingSystem === name,
      );
    await notified.update(id, 'by the one');
    await until(shows('by the one'), Boolean);
    await decoding.update(id, 'by the other');
    await until(shows('by the other'), Boolean);
    await admin.query(`update workstation set operating_system = 'by SQL'`);
    await until(shows('by SQL'), Boolean);

    await admin.query('select stationmaster_notify_changes(false)');
    await until(notified.readiness, ({ status }) => status === 503);
    await until(decoding.readiness, ({ status }) => status === 200);
    for (const name of ['first', 'second']) {
      await admin.query('update workstation set operating_system = $1', [name]);
      // It has nothing that it would serve from its cache.
      expect(await notified.read(id)).toMatchObject({ operatingSystem: name });
      await until(
        () => decoding.read(id),
        (row) => (row as any)?.operatingSystem === name,
      );
    }
    expect((await notified.readiness()).details).toMatchObject({ changeFeed: 'gap', reason: SWITCHED_OFF });
    const refused = start('notify');
    expect([await refused.exited, refused.output]).toEqual([78, `${SWITCHED_OFF}\n`]);

    await admin.query('select stationmaster_notify_changes(true)');
    await until(notified.readiness, ({ status }) => status === 200);
    await admin.query(`update workstation set operating_system = 'again'`);
    await until(shows('again'), Boolean);
  });
});
