import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import {
  TIER_GUARD_MS,
  type TierEntry,
  type TierStore,
  type TierStoreHandlers,
  type TierWriteResult,
} from './tier-store.ts';

export interface RedisStoreOptions {
  /** `redis://` or `rediss://`, for Redis or Valkey, version 5 or later. */
  readonly url: string;
  /** How long any command may take. Default 50. */
  readonly deadlineMs?: number;
  /** How long connecting may take. Default 1,000. */
  readonly connectTimeoutMs?: number;
  /** Bounds of the wait before it is tried again. Defaults 1,000 and 30,000. */
  readonly minBackoffMs?: number;
  readonly maxBackoffMs?: number;
}

/*
 * KEYS: the one key. ARGV: the entry; its version, kind, and how long it is kept; the moment after which it is too late;
 * how long what was written refuses older writes, at least.
 */
const WRITE = `
local time = redis.call('TIME')
if tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000 > tonumber(ARGV[5]) then return 'late' end
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'string' then
  local isJson, entry = pcall(cjson.decode, held)
  if isJson and type(entry) == 'table' and type(entry.v) == 'number' and type(entry.g) == 'string'
    and entry.v % 1 == 0 and math.abs(entry.v) <= 9007199254740991 then
    local version, kind = tonumber(ARGV[2]), ARGV[3]
    local isNewer = version > entry.v or version == entry.v
      and (kind == 'deleted' or kind == 'record' and entry.r ~= cjson.null)
    if not isNewer then
      if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[6]) then redis.call('PEXPIRE', KEYS[1], ARGV[6]) end
      return 'kept'
    end
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
return 'written'`;

interface Connection {
  readonly client: Redis;
  readonly openedAtMs: number;
  readonly scriptHash: string;
}

type Command = (string | number)[];

/**
 * A tier in Redis or Valkey, one key for each script, so that a cluster's proxy may sit in between.
 *
 * There is one connection and it is a circuit breaker: the first failure, or an answer that does not come in time, ends it,
 * and with it whatever is still on its way. A new one is opened after a wait that doubles up to a bound.
 */
export function createRedisStore(options: RedisStoreOptions): TierStore {
  const { url, deadlineMs = 50, connectTimeoutMs = 1000, minBackoffMs = 1000, maxBackoffMs = 30_000 } = options;
  const closing = new AbortController();
  let handlers: TierStoreHandlers;
  let opening: Redis | undefined;
  let current: Connection | undefined;
  /** The clock of the server less that of this process. */
  let clockOffsetMs = 0;
  let failures = 0;
  const nowMs = () => clockOffsetMs + performance.now();

  async function open(): Promise<void> {
    const client = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
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
      // Counted from before the question, so that the clock is ahead of the server's, by the time of the question at most.
      const askedAtMs = performance.now();
      const [seconds, microseconds] = await within(deadlineMs, client.time());
      const scriptHash = (await within(deadlineMs, client.script('LOAD', WRITE))) as string;
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
    // One that was well for long is tried again soon.
    if (current && performance.now() - current.openedAtMs > maxBackoffMs) failures = 0;
    opening = undefined;
    current = undefined;
    client.disconnect();
    if (closing.signal.aborted) return;
    handlers.onDown(withoutSecrets(reason));
    void openLater();
  }

  async function openLater(): Promise<void> {
    const boundMs = Math.min(maxBackoffMs, minBackoffMs * 2 ** failures++);
    const waitMs = minBackoffMs / 2 + Math.random() * (boundMs - minBackoffMs / 2);
    await sleep(waitMs, undefined, { signal: closing.signal, ref: false }).catch(() => {});
    if (!closing.signal.aborted) await open();
  }

  /**
   * Sends commands together and returns their results; `null` for an error that is harmless.
   * @throws any other error, and the one that no answer came, after it has ended the connection
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
        const keepMs = Math.ceil(Math.max(entry.u - nowMs(), TIER_GUARD_MS));
        const text = JSON.stringify(entry);
        return ['evalsha', scriptHash, 1, key, text, entry.v, kindOf(entry), keepMs, notAfterMs, TIER_GUARD_MS];
      });
      return (await send(commands)) as TierWriteResult[];
    },
    async close() {
      closing.abort();
      const client = current?.client ?? opening;
      if (client) fail(client, new Error('The tier is closed.'));
    },
  };
}

function kindOf({ r }: TierEntry): 'record' | 'deleted' | 'unknown' {
  return r === undefined ? 'unknown' : r === null ? 'deleted' : 'record';
}

/** @throws {Error} when the work takes longer */
function within<Result>(timeoutMs: number, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error(`Redis did not answer within ${timeoutMs} ms.`));
    // A turn later: the answer may have come while this process was busy, and wait to be read.
    const timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** An error of the client carries the command it is about, which may be the one that brought the password. */
function withoutSecrets(error: unknown): Error {
  const { message, code } = error as { message?: string; code?: string };
  return new Error(`The second cache tier: ${message || code || 'lost'}`);
}
