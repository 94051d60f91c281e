import { engine } from '../../src/testing/test-database.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/* Records in Redis of rows whose history has ended. */

const onServers = engine === 'postgresql' ? describe : describe.skip;

onServers('with a second cache tier', () => {
  let redis: RedisServer;
  let testApp: TestApp;

  beforeAll(async () => {
    redis = await startRedis();
    testApp = await startTestApp({ fleet: { managers: 1, workstations: 1 }, env: { REDIS_URL: redis.url } });
  });

  afterAll(async () => {
    await testApp.close();
    await redis.close();
  });

  test('a record of another history is not used, although the row has reached the same version again', async () => {
    const [{ id }] = (await testApp.sql('select id from workstation')) as [{ id: string }];
    const update = (operatingSystem: string) =>
      testApp.ask(
        `mutation { updateWorkstation(id: "${id}", input: { operatingSystem: "${operatingSystem}" }) { version } }`,
      );
    /** As if the first tier had evicted it. */
    const readFromRedis = async () => {
      testApp.app.cache.delete(`workstations_${id}`);
      return (await testApp.ask(`{ workstation(id: "${id}") { version operatingSystem } }`)).data.workstation;
    };
    expect(await update('before')).toMatchObject({ data: { updateWorkstation: { version: 2 } } });
    expect(await readFromRedis()).toEqual({ version: 2, operatingSystem: 'before' });
    while ((await redis.client.keys(`*:workstations_${id}`)).length === 0) await readFromRedis();

    const live = new Promise<void>((resolve) => testApp.app.feed.follow({ onLive: resolve }));
    await testApp.sql('begin');
    await testApp.sql('alter table workstation disable trigger all');
    await testApp.sql("update workstation set operating_system = 'restored', version = 1");
    await testApp.sql('alter table workstation enable trigger all');
    await testApp.sql('commit');
    await live;

    expect(await update('after')).toMatchObject({ data: { updateWorkstation: { version: 2 } } });
    expect(await readFromRedis()).toEqual({ version: 2, operatingSystem: 'after' });
    expect(await redis.client.keys(`*:workstations_${id}`)).toHaveLength(2);
  });
});
