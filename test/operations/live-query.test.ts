import { setImmediate } from 'node:timers/promises';
import { Cache, type CacheOptions, ReadTrace } from '../../src/cache/index.ts';
import { ExecutionQueue } from '../../src/operations/live/execution-queue.ts';
import { type LiveAnswer, LiveQuery } from '../../src/operations/live/live-query.ts';
import { createManualTimers } from '../websocket/manual-timers.ts';

const THROTTLE_MS = 200;
const RECORDS = { layer: 'records', versionOf: ({ version }: { version: number }) => version };

/** A live query for one record of a cache. */
function createWorld(options: CacheOptions = {}) {
  const timers = createManualTimers();
  const cache = new Cache({ clock: timers, ...options });
  const row = { version: 1, value: 'v1' };
  const world = {
    timers,
    cache,
    row,
    executions: 0,
    isEmpty: false,
    /** What an execution answers in the place of the record. */
    failure: null as Partial<LiveAnswer> | null,
    /** Called between the read of an execution and its end. */
    beforeEnd: async () => {},
    /** Commits a change, which the cache hears of. */
    change(value: string) {
      Object.assign(row, { version: row.version + 1, value });
      cache.announce({ records: [{ key: 'row', version: row.version, value: { ...row } }], tags: [], change: null });
    },
    /** Lets everything run that is due, `ms` later. */
    async pass(ms = 0) {
      timers.advance(ms);
      for (let turn = 0; turn < 20; turn++) await setImmediate();
    },
    join() {
      const client = { answers: [] as string[], isFinished: false, leave: () => {} };
      client.leave = query.join({
        deliver: (payload) => client.answers.push(payload),
        finish: () => {
          client.isFinished = true;
        },
      });
      return client;
    },
  };
  const query = new LiveQuery({
    execute: async () => {
      world.executions += 1;
      const reads = new ReadTrace();
      const { failure } = world;
      if (failure) return { payload: 'failure', reads, hasErrors: true, isFinal: false, ...failure };
      const { value } = await cache.read('row', async () => ({ ...row }), { ...RECORDS, trace: reads });
      await world.beforeEnd();
      return { payload: value, reads, hasErrors: false, isFinal: false };
    },
    dependOn: (reads, onEnd) => cache.dependOn(reads, onEnd),
    isLive: () => cache.isLive,
    executions: new ExecutionQueue(),
    timers,
    throttleMs: THROTTLE_MS,
    onEmpty: () => {
      world.isEmpty = true;
    },
  });
  return Object.assign(world, { query });
}

type World = ReturnType<typeof createWorld>;

async function joined(world: World) {
  const client = world.join();
  await world.pass();
  return client;
}

describe('A live query', () => {
  test('answers at once, and again as soon as what it read has changed', async () => {
    const world = createWorld();
    const client = await joined(world);
    expect(client.answers).toEqual(['v1']);
    await world.pass(THROTTLE_MS);
    world.change('v2');
    await world.pass();
    expect(client.answers).toEqual(['v1', 'v2']);
    expect(world.executions).toBe(2);
  });

  test('answers once for several changes within the throttle, with the newest', async () => {
    const world = createWorld();
    const client = await joined(world);
    for (const value of ['v2', 'v3']) world.change(value);
    await world.pass(THROTTLE_MS - 1);
    expect(client.answers).toEqual(['v1']);
    world.change('v4');
    await world.pass(1);
    expect(client.answers).toEqual(['v1', 'v4']);
    expect(world.executions).toBe(2);
  });

  test('sends nothing if the answer is the same', async () => {
    const world = createWorld();
    const client = await joined(world);
    world.change('v1');
    await world.pass(THROTTLE_MS);
    expect(world.executions).toBe(2);
    expect(client.answers).toEqual(['v1']);
  });

  test('does nothing while nothing changes', async () => {
    const world = createWorld();
    await joined(world);
    expect(world.timers.pending).toBe(0);
    await world.pass(10 * 60_000);
    expect(world.executions).toBe(1);
  });

  test('is shared: a thousand clients cost one execution for each change', async () => {
    const world = createWorld();
    const clients = Array.from({ length: 1000 }, () => world.join());
    await world.pass();
    world.change('v2');
    await world.pass(THROTTLE_MS);
    expect(world.executions).toBe(2);
    for (const { answers } of clients) expect(answers).toEqual(['v1', 'v2']);
  });

  test('gives a client that joins later the answer that the others have, without an execution', async () => {
    const world = createWorld();
    await joined(world);
    const late = world.join();
    expect(late.answers).toEqual(['v1']);
    expect(world.executions).toBe(1);
  });

  test('never gives a client that joins an answer from before a change', async () => {
    const world = createWorld();
    const early = await joined(world);
    world.change('v2');
    const late = await joined(world);
    expect(late.answers).toEqual(['v2']);
    expect(early.answers).toEqual(['v1']);
    await world.pass(THROTTLE_MS);
    expect(early.answers).toEqual(['v1', 'v2']);
    expect(world.executions).toBe(2);
  });

  test('keeps the throttle for each client, whenever it joined', async () => {
    const world = createWorld();
    const early = await joined(world);
    await world.pass(150);
    const late = await joined(world);
    world.change('v2');
    await world.pass(50);
    expect([early.answers, late.answers]).toEqual([['v1', 'v2'], ['v1']]);
    await world.pass(150);
    expect(late.answers).toEqual(['v1', 'v2']);
    expect(world.executions).toBe(2);
  });

  test('executes again at once if something changed meanwhile, so that no change is missed', async () => {
    const world = createWorld();
    world.beforeEnd = async () => {
      world.beforeEnd = async () => {};
      world.change('v2');
    };
    const client = await joined(world);
    expect(client.answers).toEqual(['v2']);
    expect(world.executions).toBe(2);
    await world.pass(THROTTLE_MS);
    world.change('v3');
    await world.pass();
    expect(client.answers).toEqual(['v2', 'v3']);
  });

  test('answers even if each execution is interrupted by a change, and goes on after the throttle', async () => {
    const world = createWorld();
    let changes = 0;
    world.beforeEnd = async () => world.change(`change ${++changes}`);
    const client = await joined(world);
    expect(client.answers).toHaveLength(1);
    world.beforeEnd = async () => {};
    await world.pass(THROTTLE_MS);
    expect(client.answers.at(-1)).toBe(`change ${changes}`);
  });

  test('does not give a client that joined during an interrupted execution its answer', async () => {
    const world = createWorld();
    const gate = Promise.withResolvers<void>();
    world.cache.suspend();
    world.beforeEnd = () => gate.promise;
    world.join();
    await world.pass();
    Object.assign(world.row, { value: 'v2' });
    const late = world.join();
    world.beforeEnd = async () => {};
    gate.resolve();
    await world.pass();
    expect(late.answers).toEqual(['v2']);
  });

  test('is made anew after a gap, and only then', async () => {
    const world = createWorld();
    const client = await joined(world);
    world.cache.suspend();
    Object.assign(world.row, { version: 2, value: 'missed' });
    await world.pass(60_000);
    expect(world.executions).toBe(1);
    world.cache.resume();
    world.query.resume();
    await world.pass();
    expect(client.answers).toEqual(['v1', 'missed']);
  });

  test('answers during a gap from the database, and anew after it', async () => {
    const world = createWorld();
    world.cache.suspend();
    const client = await joined(world);
    expect(client.answers).toEqual(['v1']);
    await world.pass(60_000);
    expect(world.executions).toBe(1);
    Object.assign(world.row, { version: 2, value: 'missed' });
    world.cache.resume();
    world.query.resume();
    await world.pass();
    expect(client.answers).toEqual(['v1', 'missed']);
  });

  test('is made anew when what it read has expired', async () => {
    const world = createWorld({ ttlSeconds: 10 });
    const client = await joined(world);
    Object.assign(world.row, { version: 2, value: 'unannounced' });
    await world.pass(10_000);
    world.cache.cleanupExpired();
    await world.pass();
    expect(client.answers).toEqual(['v1', 'unannounced']);
  });

  test('does not spin in a cache that is too small for it', async () => {
    const world = createWorld({ maxBytes: 1 });
    const client = await joined(world);
    const before = world.executions;
    for (let second = 0; second < 60; second++) await world.pass(1000);
    expect(world.executions - before).toBeLessThan(20);
    expect(client.answers).toEqual(['v1']);
    Object.assign(world.row, { version: 2, value: 'v2' });
    await world.pass(5000);
    expect(client.answers).toEqual(['v1', 'v2']);
  });

  test('sends errors as an answer, and tries again with growing pauses', async () => {
    const world = createWorld();
    world.failure = {};
    const client = await joined(world);
    expect(client.answers).toEqual(['failure']);
    for (let second = 0; second < 60; second++) await world.pass(1000);
    expect(world.executions).toBe(6);
    world.failure = null;
    await world.pass(30_000);
    expect(client.answers).toEqual(['failure', 'v1']);
  });

  test('ends with an answer that nothing can change', async () => {
    const world = createWorld();
    world.failure = { isFinal: true };
    const client = await joined(world);
    expect(client).toMatchObject({ answers: ['failure'], isFinished: true });
    expect(world.timers.pending).toBe(0);
  });

  test('stops when its last client has left', async () => {
    const world = createWorld();
    const [one, two] = [await joined(world), await joined(world)];
    world.change('v2');
    one.leave();
    expect(world.isEmpty).toBe(false);
    two.leave();
    expect(world.isEmpty).toBe(true);
    expect(world.timers.pending).toBe(0);
    await world.pass(THROTTLE_MS);
    world.change('v3');
    await world.pass(THROTTLE_MS);
    expect(world.executions).toBe(1);
    expect(two.answers).toEqual(['v1']);
  });
});
