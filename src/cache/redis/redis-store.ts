import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import {
  TIER_GUARD_MS,
  type TierEntry,
  type TierStore,
  type TierStoreHandlers,
  type TierWriteResult,
} from './tier-store.ts';
import { WRITE_SCRIPT } from './write-script.ts';

export interface RedisStoreOptions {
  /** `redis://` or `rediss://`, for Redis or Valkey, version 5 or later. */
  readonly url: string;
  /**
   * Returns how many milliseconds to wait before the next attempt to connect. `failures` counts the failures before the
   * last one, from 0; it starts again after a connection that lasted for 30 s.
   */
  readonly retryDelayMs: (failures: number) => number;
  /** The longest time for any command, in milliseconds. Default 50. */
  readonly deadlineMs?: number;
  /** The longest time for opening a connection, in milliseconds. Default 1,000. */
  readonly connectTimeoutMs?: number;
}

interface Connection {
  readonly client: Redis;
  readonly openedAtMs: number;
  readonly scriptHash: string;
}

type Command = (string | number)[];

/** A connection that lasted longer starts the count of failures again. */
const STABLE_CONNECTION_MS = 30_000;

/**
 * A `TierStore` in Redis or Valkey.
 *
 * Its one connection is a circuit breaker: the first failure, or an answer that misses its deadline, ends the connection and
 * all commands in flight. A new client is opened after `retryDelayMs`.
 */
export function createRedisStore(options: RedisStoreOptions): TierStore {
  const { url, retryDelayMs, deadlineMs = 50, connectTimeoutMs = 1000 } = options;
  const closing = new AbortController();
  let handlers: TierStoreHandlers;
  let opening: Redis | undefined;
  let current: Connection | undefined;
  /** The server's clock minus the monotonic clock of this process. */
  let clockOffsetMs = 0;
  let failures = 0;
  const nowMs = () => clockOffsetMs + performance.now();

  async function open(): Promise<void> {
    const client = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      // Each client is used for one connection, so no command of an old one is ever sent again.
      retryStrategy: () => null,
      autoResendUnfulfilledCommands: false,
      connectTimeout: connectTimeoutMs,
      disconnectTimeout: deadlineMs,
      disableClientInfo: true,
      protocol: 2,
    });
    opening = client;
    client.on('error', (error) => fail(client, error));
    client.on('end', () => fail(client, new Error('The connection to Redis ended.')));
    try {
      await within(connectTimeoutMs, client.connect());
      // Measured before the question, so that this clock is ahead of the server's, by the duration of the question at most.
      const askedAtMs = performance.now();
      const [seconds, microseconds] = await within(deadlineMs, client.time());
      const scriptHash = (await within(deadlineMs, client.script('LOAD', WRITE_SCRIPT))) as string;
      if (opening !== client) return;
      clockOffsetMs = 1000 * Number(seconds) + Number(microseconds) / 1000 - askedAtMs;
      opening = undefined;
      current = { client, openedAtMs: performance.now(), scriptHash };
      handlers.onUp();
    } catch (error) {
      fail(client, error);
    }
  }

  function fail(client: Redis, reason: unknown): void {
    if (current?.client !== client && opening !== client) return;
    if (current && performance.now() - current.openedAtMs > STABLE_CONNECTION_MS) failures = 0;
    opening = undefined;
    current = undefined;
    client.disconnect();
    if (closing.signal.aborted) return;
    handlers.onDown(withoutSecrets(reason));
    void openLater();
  }

  async function openLater(): Promise<void> {
    await sleep(retryDelayMs(failures++), undefined, { signal: closing.signal, ref: false }).catch(() => {});
    if (!closing.signal.aborted) await open();
  }

  /**
   * Sends commands in one pipeline and returns their results; `null` for an error that `isHarmless` accepts.
   * @throws any other error, or a timeout, after it has ended the connection
   */
  async function send(commands: readonly Command[], isHarmless = (_error: Error) => false): Promise<unknown[]> {
    const connection = current;
    if (!connection) throw new Error('Redis is away.');
    try {
      const replies = await within(deadlineMs, connection.client.pipeline(commands as Command[]).exec());
      return replies!.map(([error, result]) => {
        if (error && !isHarmless(error)) throw error;
        return error ? null : result;
      });
    } catch (error) {
      fail(connection.client, error);
      throw withoutSecrets(error);
    }
  }

  return {
    start(given) {
      handlers = given;
      void open();
    },
    restart(reason) {
      if (current) fail(current.client, reason);
    },
    nowMs,
    async read(keys) {
      const commands = keys.map((key) => ['get', key]);
      const isOfAnotherType = ({ message }: Error) => message.startsWith('WRONGTYPE');
      return (await send(commands, isOfAnotherType)) as (string | null)[];
    },
    async write(writes) {
      const scriptHash = current?.scriptHash ?? '';
      const commands = writes.map(({ key, entry, notAfterMs }) => {
        const holdMs = Math.ceil(Math.max(entry.u - nowMs(), TIER_GUARD_MS));
        const text = JSON.stringify(entry);
        return ['evalsha', scriptHash, 1, key, text, entry.v, kindOf(entry), holdMs, notAfterMs, TIER_GUARD_MS];
      });
      return (await send(commands)) as TierWriteResult[];
    },
    async close() {
      closing.abort();
      const client = current?.client ?? opening;
      if (client) fail(client, new Error('The second cache tier is closed.'));
    },
  };
}

function kindOf({ r }: TierEntry): 'record' | 'deleted' | 'unknown' {
  return r === undefined ? 'unknown' : r === null ? 'deleted' : 'record';
}

/** @throws {Error} when the work takes longer than `timeoutMs` */
function within<Result>(timeoutMs: number, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error(`Redis did not answer within ${timeoutMs} ms.`));
    // One turn later, because an answer that came while this process was busy may be waiting to be read.
    const timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** The client's errors carry the command, which may hold the password, so only the message is kept. */
function withoutSecrets(error: unknown): Error {
  const { message, code } = error as { message?: string; code?: string };
  return new Error(`The second cache tier: ${message || code || 'lost'}`);
}
