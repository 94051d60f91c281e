import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { Identity } from '../auth/identity.ts';
import type { RateLimits } from '../config/config.ts';
import { StationmasterError } from '../errors.ts';

/*
 * The limit is checked before cached responses, which cost the server 10 to 20 microseconds each, and counts
 * operations over WebSockets too. So a check is one look into a Map. The available libraries are hooks of an HTTP
 * framework, or resolve a promise, and cost as much as a cached response. See docs/decisions/05-rate-limit.md.
 */

/** Pays for requests without a valid token. */
export interface Sender {
  /** Its network address; read only where it decides. */
  readonly address: string;
}

export interface RateLimiter {
  /**
   * Counts an operation, unless it comes too soon.
   * @param identity `null` when it could not be established
   * @returns how many seconds to wait before the next try; 0 when the operation may go ahead
   */
  take(identity: Identity | null, caller: Sender): number;
  /** What `take` would return, without counting. */
  peek(identity: Identity | null, caller: Sender): number;
}

/** Limits each token, and each address that sends no valid token. Each process counts for itself. */
export function createRateLimiter({ perAddress, perToken }: RateLimits, now: () => number): RateLimiter {
  const tokens = perToken === undefined ? null : new Buckets(perToken);
  const addresses = perAddress === undefined ? null : new Buckets(perAddress);
  const ask = (verb: 'take' | 'peek', identity: Identity | null, caller: Sender) => {
    if (identity === null || identity.isAnonymous) return addresses?.[verb](networkOf(caller.address), now()) ?? 0;
    return tokens?.[verb](tokenKeyOf(identity), now()) ?? 0;
  };
  return {
    take: (identity, caller) => ask('take', identity, caller),
    peek: (identity, caller) => ask('peek', identity, caller),
  };
}

const tokenKeys = new WeakMap<Identity, string>();

/** Subject and expiry identify a token as well as its text does, and have one spelling only. */
function tokenKeyOf(identity: Identity): string {
  let key = tokenKeys.get(identity);
  if (key === undefined) {
    key = `${identity.subject} ${identity.expiresAtMs}`;
    tokenKeys.set(identity, key);
  }
  return key;
}

/** @throws {StationmasterError} `RATE_LIMITED` when the operation comes too soon */
export function checkRate(limiter: RateLimiter, identity: Identity | null, caller: Sender): void {
  refuseFor(limiter.take(identity, caller));
}

/** @throws {StationmasterError} `RATE_LIMITED` unless there is nothing to wait for */
export function refuseFor(waitSeconds: number): void {
  if (waitSeconds === 0) return;
  const wait = waitSeconds === 1 ? 'a second' : `${waitSeconds} seconds`;
  throw new StationmasterError('RATE_LIMITED', `Too many requests; try again in ${wait}.`, {
    retryAfterSeconds: waitSeconds,
  });
}

const WINDOW_MS = 60_000;
/** Buckets of one generation. Beyond it the longest idle are forgotten early. */
const MAX_BUCKETS = 50_000;

interface Bucket {
  /** When it will be empty if nothing is added. */
  emptyAtMs: number;
}

/**
 * Leaky buckets. Each takes as many operations at once as the limit allows in a minute, and leaks evenly. A bucket that
 * got nothing for one to two minutes is forgotten; it is empty by then.
 */
class Buckets {
  readonly #leakMs: number;
  #recent = new Map<string, Bucket>();
  #older = new Map<string, Bucket>();
  #turnAtMs = 0;

  constructor(perMinute: number) {
    this.#leakMs = WINDOW_MS / perMinute;
  }

  take(key: string, nowMs: number): number {
    const bucket = this.#recent.get(key) ?? this.#carryOver(key, nowMs);
    const waitSeconds = this.#waitFor(bucket, nowMs);
    if (waitSeconds === 0) bucket.emptyAtMs = this.#filledUntilMs(bucket, nowMs);
    return waitSeconds;
  }

  peek(key: string, nowMs: number): number {
    const bucket = this.#recent.get(key) ?? this.#older.get(key);
    return bucket ? this.#waitFor(bucket, nowMs) : 0;
  }

  #waitFor(bucket: Bucket, nowMs: number): number {
    const excessMs = this.#filledUntilMs(bucket, nowMs) - nowMs - WINDOW_MS;
    // Tolerates the rounding error of summed fractions of a millisecond.
    return excessMs > 0.001 ? Math.ceil(excessMs / 1000) : 0;
  }

  #filledUntilMs({ emptyAtMs }: Bucket, nowMs: number): number {
    return Math.max(emptyAtMs, nowMs) + this.#leakMs;
  }

  #carryOver(key: string, nowMs: number): Bucket {
    if (nowMs >= this.#turnAtMs || this.#recent.size >= MAX_BUCKETS) {
      this.#older = this.#recent;
      this.#recent = new Map();
      this.#turnAtMs = nowMs + WINDOW_MS;
    }
    const bucket = this.#older.get(key) ?? { emptyAtMs: nowMs };
    this.#recent.set(key, bucket);
    return bucket;
  }
}

/** The owner of one IPv6 address usually owns all 2⁶⁴ of its network. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  let network = networks.get(address);
  if (network === undefined) {
    network = findNetwork(address);
    networks.set(address, network);
  }
  return network;
}

/** Parsing an address takes longer than the rest of a check. */
const networks = new LRUCache<string, string>({ max: 10_000 });

function findNetwork(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail = ''] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const known = groups.length + (tail === '' ? 0 : tail.split(':').length);
  const whole = [...groups, ...Array<string>(Math.max(0, 8 - known)).fill('0'), ...tail.split(':')];
  return whole.slice(0, 4).join(':');
}
