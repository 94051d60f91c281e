import { Client } from 'pg';
import { engine } from '../../src/testing/test-database.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/* What a role or database sets for all of its sessions must change neither what is written nor what is announced. */

const onServers = engine === 'postgresql' ? describe : describe.skip;

onServers('where the database sets', () => {
  let testApp: TestApp;

  afterEach(() => testApp.close());

  async function startWith(setting: string): Promise<void> {
    testApp = await startTestApp({
      fleet: { managers: 1, workstations: 2 },
      connectThrough: async (url) => {
        const client = new Client({ connectionString: url.href });
        await client.connect();
        await client.query(`alter database ${url.pathname.slice(1)} set ${setting}`);
        await client.end();
        return url;
      },
    });
  }

  test('array_nulls = off, readings without a status are stored', async () => {
    await startWith('array_nulls = off');
    const [{ id }] = (await testApp.sql('select id from workstation')) as [{ id: string }];
    const { data, errors } = await testApp.ask(
      'mutation ($id: ID!) { reportTelemetry(readings: [{ workstationId: $id, cpuUsage: 50 }]) { stored } }',
      { variables: { id } },
    );
    expect({ data, errors }).toEqual({ data: { reportTelemetry: { stored: 1 } }, errors: undefined });
  });

  test('session_replication_role = replica, changes are announced all the same', async () => {
    await startWith('session_replication_role = replica');
    const [{ id }] = (await testApp.sql('select id from workstation')) as [{ id: string }];
    const subscription = await testApp.subscribe('subscription { workstationChanged { kind id } }');
    await testApp.ask('mutation ($id: ID!) { updateWorkstation(id: $id, input: { hostname: "announced" }) { id } }', {
      variables: { id },
    });
    await expect(subscription.next()).resolves.toMatchObject({ data: { workstationChanged: { kind: 'UPDATED', id } } });
  });
});
