import { Client } from 'pg';
import { type Logger, pino } from 'pino';
import type { App } from '../../src/app.ts';
import { announceSql } from '../../src/database/announce-sql.ts';
import { seedFleet } from '../../src/features/demo-fleet/index.ts';
import { changeFeed, createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { startInstance } from '../support/instance.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

const READ = 'query ($id: ID!) { workstation(id: $id) { id name version manager { name } } }';

// Several instances need a database server and a Redis server, so this file runs with the services.
const onServers = engine === 'postgresql' ? describe : describe.skip;

onServers('with a second cache tier', () => {
  let databaseUrl: string;
  let drop: () => Promise<void>;
  let redis: RedisServer;
  let client: Client;
  let ids: string[];
  let managerIds: string[];
  const apps: App[] = [];

  const sql = async (text: string, values: unknown[] = []) => (await client.query(text, values)).rows;
  const rename = (id: string, name: string) => sql('update workstation set name = $2 where id = $1', [id, name]);

  async function start(logger?: Logger): Promise<App> {
    const app = await startInstance({ DATABASE_URL: databaseUrl, REDIS_URL: redis.url }, { logger });
    apps.push(app);
    return app;
  }

  async function stop(app: App): Promise<void> {
    apps.splice(apps.indexOf(app), 1);
    await app.close();
  }

  async function ask(app: App, query: string, variables?: object) {
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as { data: any; errors?: unknown };
  }

  const nameOn = async (app: App, id: string) => (await ask(app, READ, { id })).data.workstation?.name;

  /** Empties the first tier, as if it had evicted everything. */
  const forget = (app: App) => {
    for (const id of ids) app.cache.delete(`workstations_${id}`);
    for (const id of managerIds) app.cache.delete(`managers_${id}`);
  };

  /** The number of SQL statements that the instance sends while `work` runs. */
  async function countStatements(app: App, work: () => Promise<unknown>): Promise<number> {
    const before = app.database.statementCount;
    await work();
    return app.database.statementCount - before;
  }

  /** Resolves once a condition without an event holds. Checks again after each answer of the database. */
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await sql('select pg_sleep(0.005)');
  }

  /** Resolves once the instances share a generation. */
  const joined = (...instances: App[]) =>
    until(() => {
      const generations = new Set(instances.map(({ cache }) => cache.secondTier!.generation));
      return generations.size === 1 && !generations.has(null);
    });

  /** Resolves once the instances have applied everything committed before the call. */
  async function heard(...instances: App[]): Promise<void> {
    const marker = `heard-${Math.random()}`;
    const waiting = instances.map(({ feed }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const unfollow = feed.follow({ onCommand: ({ from }) => from === marker && resolve() });
      return promise.then(unfollow);
    });
    const question = { command: 'synced', question: marker, from: marker, generation: '' };
    await sql(`select ${announceSql({ changeFeed }, "'stationmaster_changes'", '$1::text')}`, [
      JSON.stringify(question),
    ]);
    await Promise.all(waiting);
  }

  /**
   * Runs `work` again until no deadline of the tier was missed. On a busy machine deadlines are missed occasionally,
   * which costs cached content but never correctness.
   */
  async function undisturbed<Result>(instances: App[], work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      await joined(...instances);
      const { generation } = instances[0]!.cache.secondTier!;
      const result = await work();
      if (instances.every(({ cache }) => cache.secondTier!.generation === generation)) return result;
    }
  }

  beforeAll(async () => {
    ({ url: databaseUrl, dispose: drop } = await createServerDatabase());
    redis = await startRedis();
    client = new Client({ connectionString: databaseUrl });
    await client.connect();
    const app = await start();
    await seedFleet(app.database, { managers: 2, workstations: 20 });
    ids = (await sql('select id from workstation order by id')).map(({ id }) => id);
    managerIds = (await sql('select id from manager order by id')).map(({ id }) => id);
    await stop(app);
  });

  beforeEach(async () => {
    await redis.client.flushall();
  });

  afterEach(async () => {
    for (const app of [...apps]) await stop(app);
  });

  afterAll(async () => {
    await client.end();
    await redis.close();
    await drop();
  });

  const readAll = async (app: App) => {
    const names: unknown[] = [];
    for (const id of ids) names.push(await nameOn(app, id));
    return names;
  };
  const namesInDatabase = async () => (await sql('select name from workstation order by id')).map(({ name }) => name);

  test('a second instance answers with the records that the first one read, without a statement', async () => {
    const first = await start();
    const { statements, layers } = await undisturbed([first], async () => {
      forget(first);
      const names = await readAll(first);
      const second = await start();
      await joined(first, second);
      const statements = await countStatements(second, async () => {
        expect(await readAll(second)).toEqual(names);
      });
      const { data } = await ask(second, '{ cacheStats { layers { name hits misses size evictions } } }');
      await stop(second);
      return { statements, layers: data.cacheStats.layers };
    });
    expect(statements).toBe(0);
    expect(layers).toContainEqual({ name: 'redis', hits: 22, misses: 0, size: 0, evictions: 0 });
  });

  test('writes of other programs during an instance’s start are not missed', async () => {
    const first = await start();
    await readAll(first);
    const starting = start();
    for (let round = 0; round < 3; round++) {
      for (const id of ids) await rename(id, `${id} in round ${round}`);
    }
    const second = await starting;
    await heard(first, second);
    expect(await readAll(second)).toEqual(ids.map((id) => `${id} in round 2`));
    await joined(first, second);
    for (const app of [first, second]) {
      forget(app);
      expect(await readAll(app)).toEqual(ids.map((id) => `${id} in round 2`));
    }
  });

  test('writes of other programs while no instance ran are not missed', async () => {
    const before = await start();
    await readAll(before);
    await stop(before);
    await rename(ids[0]!, 'renamed while nobody listened');
    await sql('delete from workstation where id = $1', [ids[1]]);
    const after = await start();
    await joined(after);
    expect(await nameOn(after, ids[0]!)).toBe('renamed while nobody listened');
    expect(await nameOn(after, ids[1]!)).toBeUndefined();
    ids = ids.filter((_id, index) => index !== 1);
    expect(await readAll(after)).toEqual(await namesInDatabase());
  });

  test('the deletion of a row too big to be announced is not missed', async () => {
    const [first, second] = [await start(), await start()];
    await joined(first, second);
    const [{ id }] = (await sql(`insert into workstation (name, hostname, ip_address, operating_system)
      values ('big', 'h', '10.0.0.1', repeat('x', 9000)) returning id`)) as [{ id: string }];
    await heard(first, second);
    expect(await nameOn(first, id)).toBe('big');
    await sql('delete from workstation where id = $1', [id]);
    await heard(first, second);
    for (const app of [first, second]) {
      app.cache.delete(`workstations_${id}`);
      expect(await nameOn(app, id)).toBeUndefined();
    }
  });

  test.each([
    ['killed', () => redis.kill(), () => redis.start()],
    ['hanging', async () => redis.pause(), async () => redis.resume()],
  ])(
    'while Redis is %s answers stay right, and afterwards nothing is taken from before unchecked',
    async (name, fail, heal) => {
      const [first, second] = [await start(), await start()];
      await readAll(first);
      await joined(first, second);
      await fail();
      await rename(ids[0]!, `renamed while ${name}`);
      await heard(first, second);
      for (const app of [first, second]) {
        forget(app);
        expect(await readAll(app)).toEqual(await namesInDatabase());
        expect(app.cache.secondTier!.isUp).toBe(false);
      }
      const ready = await fetch(`${first.url}/readyz`);
      expect(await ready.json()).toEqual({
        status: 'ok',
        details: expect.objectContaining({ changeFeed: 'live', secondTier: 'down' }),
      });
      await rename(ids[0]!, `renamed again while ${name}`);
      await heal();
      await joined(first, second);
      await heard(first, second);
      for (const app of [first, second]) {
        forget(app);
        expect(await readAll(app)).toEqual(await namesInDatabase());
      }
    },
  );

  test('the log warns once for each reason that Redis is away', async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    const app = await start(logger);
    await redis.kill();
    try {
      forget(app);
      expect(await readAll(app)).toEqual(await namesInDatabase());
      const warning = { level: 40, msg: 'going on without the second cache tier' };
      expect(lines).toEqual(lines.map(() => expect.objectContaining(warning)));
      const reasons = lines.map(({ reason }) => reason);
      expect(reasons[0]).toMatch(/^The second cache tier: /);
      expect(new Set(reasons).size).toBe(reasons.length);
    } finally {
      await redis.start();
    }
  });

  test('an instance starts and stops while Redis hangs', async () => {
    redis.pause();
    try {
      const app = await start();
      expect(await readAll(app)).toEqual(await namesInDatabase());
      await stop(app);
    } finally {
      redis.resume();
    }
  });

  test('garbage in Redis is ignored and overwritten', async () => {
    const app = await start();
    // It would never end if garbage took the tier down.
    await undisturbed([app], async () => {
      let keys: string[];
      // Writes to Redis are not awaited, and one that takes too long on a busy machine is given up.
      do {
        forget(app);
        await readAll(app);
        keys = await redis.client.keys('*workstations_*');
      } while (keys.length < ids.length);
      expect(keys.length).toBe(ids.length);
      const { generation } = app.cache.secondTier!;
      const garbage = ['', 'x', '{}', JSON.stringify({ v: 1, g: generation, u: 1e15, r: { id: 'x', version: 1 } })];
      for (const [index, key] of keys.entries()) {
        await redis.client.del(key);
        if (index % 5 === 4) await redis.client.rpush(key, 'of another type');
        else await redis.client.set(key, garbage[index % 5]!);
      }
      forget(app);
      expect(await readAll(app)).toEqual(await namesInDatabase());
    });
    expect(app.cache.secondTier!.isUp).toBe(true);
  });

  test('admins clear the tier on all instances without touching foreign keys', async () => {
    const [first, second] = [await start(), await start()];
    await readAll(first);
    await joined(first, second);
    await redis.client.mset({ workstations_1: 'foreign', 'stationmaster:other': 'foreign', other: 'foreign' });
    // A change without an announcement, the reason for an admin to clear the cache.
    await client.query('begin');
    await client.query('alter table workstation disable trigger workstation_announce_update');
    await client.query('update workstation set name = $2 where id = $1', [ids[0], 'renamed without a word']);
    await client.query('alter table workstation enable trigger workstation_announce_update');
    await client.query('commit');
    for (const document of [
      'mutation { clearCache { message } }',
      'mutation { invalidateCache(pattern: "*") { message } }',
    ]) {
      expect((await ask(first, document)).errors).toBeUndefined();
      await heard(first, second);
      expect(await nameOn(first, ids[0]!)).toBe('renamed without a word');
      expect(await nameOn(second, ids[0]!)).toBe('renamed without a word');
    }
    expect(await redis.client.mget('workstations_1', 'stationmaster:other', 'other')).toEqual(Array(3).fill('foreign'));
  });

  test('every key has its prefix, its schema version and an expiry', async () => {
    const [first, second] = [await start(), await start()];
    await readAll(first);
    await rename(ids[0]!, 'renamed to be announced');
    const [{ id }] = (await sql(`insert into workstation (id, name, hostname, ip_address, operating_system, status,
      created_at, updated_at, version) values (gen_random_uuid(), 'short-lived', 'h', '10.0.0.1', 'Linux', 'ONLINE',
      now(), now(), 1) returning id`)) as [{ id: string }];
    await sql('delete from workstation where id = $1', [id]);
    await heard(first, second);
    await joined(first, second);
    const keys = await redis.client.keys('*');
    expect(keys.length).toBeGreaterThan(ids.length);
    for (const key of keys) {
      expect(key).toMatch(/^stationmaster:1\.[\w-]{8}:[\w-]{16}:(workstations|managers|sync)_/);
      expect(await redis.client.pttl(key)).toBeGreaterThan(0);
    }
  });
});
