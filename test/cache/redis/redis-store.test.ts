import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { jest } from '@jest/globals';
import { createRedisStore, type RedisStoreOptions } from '../../../src/cache/redis/redis-store.ts';
import type { TierStore } from '../../../src/cache/redis/tier-store.ts';
import { engine } from '../../../src/testing/test-engine.ts';
import { type RedisServer, startRedis } from '../../support/redis.ts';
import { type AskedOfRedis, fault, greet, list, startScriptedRedis, text } from './scripted-redis.ts';
import { describeTierStoreContract } from './tier-store-contract.ts';

type StartOptions = Omit<RedisStoreOptions, 'retryDelayMs'> & Partial<RedisStoreOptions>;

/** Starts a store that reconnects at once, and queues the events it reports. */
function startStore(options: StartOptions) {
  const store: TierStore = createRedisStore({ retryDelayMs: () => 0, ...options });
  const events: ('up' | Error)[] = [];
  let onEvent = () => {};
  store.start({
    onUp: () => {
      events.push('up');
      onEvent();
    },
    onDown: (reason) => {
      events.push(reason as Error);
      onEvent();
    },
  });
  /** Returns the next event, also one that was reported already. */
  const next = async () => {
    while (events.length === 0) {
      await new Promise<void>((resolve) => {
        onEvent = resolve;
      });
    }
    return events.shift()!;
  };
  return { store, events, next };
}

/** Waits for everything in flight within this process, which arrives in a few turns of the event loop. */
async function delivered() {
  for (let turns = 0; turns < 5; turns++) await new Promise<void>((resolve) => setImmediate(resolve));
}

const write = (store: TierStore, key: string) =>
  store.write([{ key, entry: { v: 1, g: 'one', u: store.nowMs(), r: null }, notAfterMs: store.nowMs() + 1000 }]);

// Starts a server of its own, so it belongs to the suite that needs services.
const onServers = engine === 'postgresql' ? describe : describe.skip;

onServers('on Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.close());

  describeTierStoreContract('Redis', {
    connect: async () => {
      const { store, next } = startStore({ url: redis.url });
      expect(await next()).toBe('up');
      return store;
    },
    put: async (key, text) => void (await redis.client.set(key, text)),
    timeToLiveMs: (key) => redis.client.pttl(key),
  });

  test('a key of another type is a miss, and is overwritten', async () => {
    const { store, next } = startStore({ url: redis.url });
    await next();
    await redis.client.rpush('a list', 'x');
    expect(await store.read(['a list'])).toEqual([null]);
    expect(await write(store, 'a list')).toEqual(['written']);
    await store.close();
  });

  test('scripts that the server has forgotten are loaded again', async () => {
    const { store, next } = startStore({ url: redis.url });
    await next();
    await redis.client.script('FLUSH');
    await expect(write(store, 'forgotten')).rejects.toThrow('NOSCRIPT');
    expect(await next()).toBeInstanceOf(Error);
    expect(await next()).toBe('up');
    expect(await write(store, 'forgotten')).toEqual(['written']);
    await store.close();
  });

  test('a full server counts as a failure', async () => {
    const { store, next } = startStore({ url: redis.url });
    await next();
    await redis.client.config('SET', 'maxmemory', '1');
    await expect(write(store, 'too much')).rejects.toThrow('OOM');
    await redis.client.config('SET', 'maxmemory', '0');
    await store.close();
  });

  test('a lost connection is reported, and replaced', async () => {
    const { store, next } = startStore({ url: redis.url });
    await next();
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    expect(await next()).toEqual(new Error('The second cache tier: The connection to Redis ended.'));
    expect(await next()).toBe('up');
    await store.close();
  });

  test('a hanging server takes the store down before the call fails; later the store comes up again', async () => {
    const { store, next } = startStore({ url: redis.url });
    await next();
    redis.pause();
    try {
      await expect(store.read(['x'])).rejects.toThrow('did not answer within 50 ms');
      expect(await next()).toEqual(new Error('The second cache tier: Redis did not answer within 50 ms.'));
      await expect(store.read(['x'])).rejects.toThrow('away');
    } finally {
      redis.resume();
    }
    while ((await next()) !== 'up');
    expect(await store.read(['x'])).toEqual([null]);
    await store.close();
  });
});

describe('a Redis store', () => {
  test('reports that no server is there, and tries again until it is closed', async () => {
    const { store, next } = startStore({ url: 'redis://127.0.0.1:1' });
    expect(await next()).toEqual(new Error('The second cache tier: connect ECONNREFUSED 127.0.0.1:1'));
    expect(await next()).toBeInstanceOf(Error);
    await store.close();
  });

  /** Starts a server that answers anything. */
  async function startImpostor(answer: (socket: Socket, sent: Buffer) => void) {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (sent) => answer(socket, sent));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      port,
      close: async () => {
        for (const socket of sockets) socket.destroy();
        server.close();
        await once(server, 'close');
      },
    };
  }

  test.each<[string, (socket: Socket) => void]>([
    ['does not speak the protocol', (socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['answers with nonsense', (socket) => void socket.write('$-7\r\n*3\r\n:x\r\n'.repeat(10))],
    ['never answers', () => {}],
    ['closes the connection', (socket) => void socket.destroy()],
  ])('stays down while the other side %s', async (_name, answer) => {
    const impostor = await startImpostor(answer);
    const { store, next } = startStore({ url: `redis://127.0.0.1:${impostor.port}`, connectTimeoutMs: 50 });
    expect(await next()).toBeInstanceOf(Error);
    expect(await next()).toBeInstanceOf(Error);
    await store.close();
    await impostor.close();
  });

  test('does not reveal the password in its errors', async () => {
    const impostor = await startImpostor((socket) =>
      socket.write('-WRONGPASS invalid username-password pair\r\n'.repeat(3)),
    );
    const { store, next } = startStore({ url: `redis://user:hunter2@127.0.0.1:${impostor.port}` });
    const error = (await next()) as Error;
    expect(error.message).toContain('WRONGPASS');
    expect(JSON.stringify({ ...error, cause: error.cause, stack: error.stack })).not.toContain('hunter2');
    await store.close();
    await impostor.close();
  });

  test('can be closed while it connects, and twice', async () => {
    const impostor = await startImpostor(() => {});
    const { store } = startStore({ url: `redis://127.0.0.1:${impostor.port}` });
    await store.close();
    await store.close();
    await impostor.close();
  });
});

describe('a Redis store on a scripted server', () => {
  const closing: (() => Promise<void>)[] = [];

  afterEach(async () => {
    jest.restoreAllMocks();
    jest.useRealTimers();
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function connect(
    answer: (asked: AskedOfRedis) => string | null,
    { deadlineMs = 250, ...script }: { deadlineMs?: number; isGreeting?: boolean } = {},
  ) {
    const server = await startScriptedRedis(answer, script);
    closing.push(server.close);
    const started = startStore({ url: server.url, deadlineMs });
    closing.push(started.store.close);
    return { server, ...started };
  }

  test('sends no command that Redis 5 does not know', async () => {
    const commands: string[] = [];
    const { next } = await connect(
      (asked) => {
        commands.push(asked.command.slice(0, asked.command[0] === 'script' ? 2 : undefined).join(' '));
        return greet(asked);
      },
      { isGreeting: false },
    );
    expect(await next()).toBe('up');
    expect(commands).toEqual(['info', 'time', 'script LOAD']);
  });

  test('uses the clock of the server', async () => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(70_000);
    const { store, next } = await connect(() => null);
    await next();
    expect(store.nowMs()).toBe(1_000_500);
    now.mockReturnValue(70_010);
    expect(store.nowMs()).toBe(1_000_510);
  });

  test('sends each entry with its version, kind and holding time', async () => {
    jest.spyOn(performance, 'now').mockReturnValue(70_000);
    const written: (readonly string[])[] = [];
    const { store, next } = await connect(({ command }) => {
      written.push(command);
      return text('written');
    });
    await next();
    const entries = [
      { v: 1, g: 'one', u: store.nowMs() + 300_000.5, r: { version: 1 } },
      { v: 2, g: 'one', u: store.nowMs(), r: null },
      { v: 3, g: 'one', u: store.nowMs() },
    ];
    const notAfterMs = store.nowMs() + 10_000;
    await store.write(entries.map((entry, index) => ({ key: `key ${index}`, entry, notAfterMs })));
    const told = (index: number, ...rest: readonly string[]) => [
      ...['evalsha', 'hash', '1', `key ${index}`, JSON.stringify(entries[index]), ...rest],
      ...['1010500', '60000'],
    ];
    expect(written).toEqual([
      told(0, '1', 'record', '300001'),
      told(1, '2', 'deleted', '60000'),
      told(2, '3', 'unknown', '60000'),
    ]);
  });

  test('treats a key of another type as a miss, and any other error as a failure', async () => {
    const { store, next } = await connect(({ command: [, key] }) =>
      key === 'list' ? fault('WRONGTYPE Operation against a key') : key === 'a' ? text('x') : fault('ERR on fire'),
    );
    await next();
    expect(await store.read(['list', 'a'])).toEqual([null, 'x']);
    await expect(store.read(['a', 'b'])).rejects.toThrow('ERR on fire');
    expect(await next()).toEqual(new Error('The second cache tier: ERR on fire'));
    await expect(store.read(['a'])).rejects.toThrow('away');
    expect(await next()).toBe('up');
  });

  test('replaces its connection on restart, and reports it once', async () => {
    const opened = new Set<Socket>();
    const { store, events, next } = await connect(
      (asked) => {
        opened.add(asked.socket);
        return asked.command[0] === 'get' ? text('x') : greet(asked);
      },
      { isGreeting: false },
    );
    await next();
    const closed = new Promise((resolve) => [...opened][0]!.on('close', resolve));
    store.restart(new Error('no longer usable'));
    store.restart(new Error('again'));
    expect(await next()).toEqual(new Error('The second cache tier: no longer usable'));
    expect(await next()).toBe('up');
    expect(await store.read(['a'])).toEqual(['x']);
    expect([events, opened.size]).toEqual([[], 2]);
    await closed;
  });

  test('reports a lost connection once, whatever failed with it', async () => {
    const { store, events, next } = await connect(({ socket }) => {
      socket.destroy();
      return null;
    });
    await next();
    const reads = [store.read(['a']), store.read(['b'])];
    for (const read of reads) await expect(read).rejects.toThrow('The second cache tier: ');
    expect(await next()).toBeInstanceOf(Error);
    expect(await next()).toBe('up');
    expect(events).toEqual([]);
  });

  test('reports nothing when it is closed, and does not connect again', async () => {
    let connections = 0;
    const { store, events, next } = await connect(
      (asked) => {
        if (asked.command[0] === 'info') connections++;
        return greet(asked);
      },
      { isGreeting: false },
    );
    await next();
    await store.close();
    store.restart(new Error('too late'));
    await delivered();
    expect([events, connections]).toEqual([[], 1]);
    await expect(store.read(['a'])).rejects.toThrow('away');
    await expect(write(store, 'a')).rejects.toThrow('away');
  });

  test('does not connect if it is closed between two attempts', async () => {
    let connections = 0;
    const server = await startScriptedRedis(
      ({ socket }) => {
        connections++;
        socket.destroy();
        return null;
      },
      { isGreeting: false },
    );
    closing.push(server.close);
    const { store, events, next } = startStore({ url: server.url, retryDelayMs: () => 3_600_000 });
    expect(await next()).toBeInstanceOf(Error);
    await store.close();
    await delivered();
    expect([events, connections]).toEqual([[], 1]);
  });

  test('does not come up if it is closed while it connects', async () => {
    const { promise: asked, resolve } = Promise.withResolvers<AskedOfRedis>();
    const { store, events } = await connect(
      (question) => {
        if (question.command[0] !== 'time') return greet(question);
        resolve(question);
        return null;
      },
      { isGreeting: false },
    );
    const { socket } = await asked;
    await store.close();
    socket.write(list(text('1000'), text('0')));
    await delivered();
    expect(events).toEqual([]);
  });

  describe('after a failure', () => {
    /** A store whose first two attempts to connect fail, and the counts of failures it was asked about. */
    async function connectAtThirdAttempt() {
      let refusals = 2;
      const server = await startScriptedRedis(
        (asked) => {
          if (refusals === 0) return greet(asked);
          refusals--;
          asked.socket.destroy();
          return null;
        },
        { isGreeting: false },
      );
      closing.push(server.close);
      const counts: number[] = [];
      const retryDelayMs = (failures: number) => {
        counts.push(failures);
        return 0;
      };
      const { store, next } = startStore({ url: server.url, deadlineMs: 250, retryDelayMs });
      closing.push(store.close);
      for (let failure = 0; failure < 2; failure++) expect(await next()).toBeInstanceOf(Error);
      expect(await next()).toBe('up');
      const lose = async () => {
        store.restart(new Error('lost'));
        expect(await next()).toBeInstanceOf(Error);
        expect(await next()).toBe('up');
      };
      return { counts, lose };
    }

    test('asks for the delay, and keeps counting while connections are short', async () => {
      const { counts, lose } = await connectAtThirdAttempt();
      expect(counts).toEqual([0, 1]);
      await lose();
      await lose();
      expect(counts).toEqual([0, 1, 2, 3]);
    });

    test('counts from 0 after a connection that lasted', async () => {
      const { counts, lose } = await connectAtThirdAttempt();
      const nowMs = performance.now();
      jest.spyOn(performance, 'now').mockReturnValue(nowMs + 40_000);
      await lose();
      expect(counts).toEqual([0, 1, 0]);
    });

    test('does not connect before the wait is over', async () => {
      let connections = 0;
      const server = await startScriptedRedis(
        ({ socket }) => {
          connections++;
          socket.destroy();
          return null;
        },
        { isGreeting: false },
      );
      closing.push(server.close);
      const { store, events, next } = startStore({ url: server.url, retryDelayMs: () => 3_600_000 });
      closing.push(store.close);
      expect(await next()).toBeInstanceOf(Error);
      await delivered();
      expect([events, connections]).toEqual([[], 1]);
    });
  });

  describe('waits', () => {
    const useFakeTimeouts = () =>
      jest.useFakeTimers({
        doNotFake: ['setImmediate', 'setInterval', 'queueMicrotask', 'nextTick', 'performance', 'Date'],
      });

    async function connectToSilence() {
      useFakeTimeouts();
      const { promise: asked, resolve } = Promise.withResolvers<AskedOfRedis>();
      const ask = (question: AskedOfRedis) => {
        resolve(question);
        return null;
      };
      const connected = await connect(ask, { deadlineMs: 50 });
      await connected.next();
      const reading = connected.store.read(['a']);
      const { socket } = await asked;
      await delivered();
      return { ...connected, reading, answer: (said: string) => socket.write(said) };
    }

    test('for an answer until its deadline, and no longer', async () => {
      const { events, reading } = await connectToSilence();
      const outcome = reading.catch((error) => error);
      jest.advanceTimersByTime(49);
      await delivered();
      expect(events).toEqual([]);
      jest.advanceTimersByTime(1);
      expect(await outcome).toEqual(new Error('The second cache tier: Redis did not answer within 50 ms.'));
      expect(events).toEqual([await outcome]);
    });

    test('and accepts an answer that arrived while the process was busy', async () => {
      const { answer, events, reading } = await connectToSilence();
      answer(text('x'));
      jest.advanceTimersByTime(50);
      expect(await reading).toEqual(['x']);
      expect(events).toEqual([]);
    });

    test('and leaves no timer behind after an answer', async () => {
      const { answer, reading } = await connectToSilence();
      answer(text('x'));
      await reading;
      await delivered();
      expect(jest.getTimerCount()).toBe(0);
    });
  });
});

test('a Redis store names the cause of an error that has a code but no message', async () => {
  const { store, next } = startStore({ url: 'redis://localhost:1' });
  expect(((await next()) as Error).message).toContain('ECONNREFUSED');
  await store.close();
});
