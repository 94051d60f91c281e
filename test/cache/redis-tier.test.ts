import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createRedisTier, type RedisTierOptions } from '../../src/cache/index.ts';
import type { Tier } from '../../src/cache/tier.ts';
import { engine } from '../support/databases.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { describeTierContract } from './tier-contract.ts';

/** A tier, and what it said since it was started. */
function startTier(options: RedisTierOptions) {
  const tier: Tier = createRedisTier({ minBackoffMs: 10, maxBackoffMs: 20, ...options });
  const events: ('up' | Error)[] = [];
  let onEvent = () => {};
  tier.start({
    onUp: () => {
      events.push('up');
      onEvent();
    },
    onDown: (reason) => {
      events.push(reason as Error);
      onEvent();
    },
  });
  /** The next thing it says, or has said already. */
  const next = async () => {
    while (events.length === 0) {
      await new Promise<void>((resolve) => {
        onEvent = resolve;
      });
    }
    return events.shift()!;
  };
  return { tier, next };
}

const write = (tier: Tier, key: string) =>
  tier.write([{ key, entry: { v: 1, g: 'one', u: tier.nowMs(), r: null }, notAfterMs: tier.nowMs() + 1000 }]);

// A server of the test's own, so it belongs to the suite that needs services.
const onServers = engine === 'postgresql' ? describe : describe.skip;

onServers('on Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.close());

  describeTierContract('Redis', {
    connect: async () => {
      const { tier, next } = startTier({ url: redis.url });
      expect(await next()).toBe('up');
      return tier;
    },
    put: async (key, text) => void (await redis.client.set(key, text)),
    timeToLiveMs: (key) => redis.client.pttl(key),
  });

  test('a key of another type is a miss, and overwritten', async () => {
    const { tier, next } = startTier({ url: redis.url });
    await next();
    await redis.client.rpush('a list', 'x');
    expect(await tier.read(['a list'])).toEqual([null]);
    expect(await write(tier, 'a list')).toEqual(['written']);
    await tier.close();
  });

  test('scripts that the server forgot are brought again', async () => {
    const { tier, next } = startTier({ url: redis.url });
    await next();
    await redis.client.script('FLUSH');
    await expect(write(tier, 'forgotten')).rejects.toThrow('NOSCRIPT');
    expect(await next()).toBeInstanceOf(Error);
    expect(await next()).toBe('up');
    expect(await write(tier, 'forgotten')).toEqual(['written']);
    await tier.close();
  });

  test('a full server is a failure', async () => {
    const { tier, next } = startTier({ url: redis.url });
    await next();
    await redis.client.config('SET', 'maxmemory', '1');
    await expect(write(tier, 'too much')).rejects.toThrow('OOM');
    await redis.client.config('SET', 'maxmemory', '0');
    await tier.close();
  });

  test('a lost connection is told, and opened again', async () => {
    const { tier, next } = startTier({ url: redis.url });
    await next();
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    expect(await next()).toEqual(new Error('The second cache tier: The connection to Redis ended.'));
    expect(await next()).toBe('up');
    await tier.close();
  });

  test('a server that hangs takes it down before the call fails, and comes back', async () => {
    const { tier, next } = startTier({ url: redis.url });
    await next();
    redis.pause();
    try {
      await expect(tier.read(['x'])).rejects.toThrow('did not answer within 50 ms');
      expect(await next()).toEqual(new Error('The second cache tier: Redis did not answer within 50 ms.'));
      await expect(tier.read(['x'])).rejects.toThrow('away');
    } finally {
      redis.resume();
    }
    while ((await next()) !== 'up');
    expect(await tier.read(['x'])).toEqual([null]);
    await tier.close();
  });
});

describe('a Redis tier', () => {
  test('tells that nobody is there, and tries on until it is closed', async () => {
    const { tier, next } = startTier({ url: 'redis://127.0.0.1:1' });
    expect(await next()).toEqual(new Error('The second cache tier: connect ECONNREFUSED 127.0.0.1:1'));
    expect(await next()).toBeInstanceOf(Error);
    await tier.close();
  });

  /** A server that says what it likes. */
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
    ['does not speak its language', (socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['answers with nonsense', (socket) => void socket.write('$-7\r\n*3\r\n:x\r\n'.repeat(10))],
    ['never answers', () => {}],
    ['hangs up', (socket) => void socket.destroy()],
  ])('stays down while the other side %s', async (_name, answer) => {
    const impostor = await startImpostor(answer);
    const { tier, next } = startTier({ url: `redis://127.0.0.1:${impostor.port}`, connectTimeoutMs: 50 });
    expect(await next()).toBeInstanceOf(Error);
    expect(await next()).toBeInstanceOf(Error);
    await tier.close();
    await impostor.close();
  });

  test('keeps the password out of its errors', async () => {
    const impostor = await startImpostor((socket) =>
      socket.write('-WRONGPASS invalid username-password pair\r\n'.repeat(3)),
    );
    const { tier, next } = startTier({ url: `redis://user:hunter2@127.0.0.1:${impostor.port}` });
    const error = (await next()) as Error;
    expect(error.message).toContain('WRONGPASS');
    expect(JSON.stringify({ ...error, cause: error.cause, stack: error.stack })).not.toContain('hunter2');
    await tier.close();
    await impostor.close();
  });

  test('can be closed while it connects, and twice', async () => {
    const impostor = await startImpostor(() => {});
    const { tier } = startTier({ url: `redis://127.0.0.1:${impostor.port}` });
    await tier.close();
    await tier.close();
    await impostor.close();
  });
});
