import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import proxyAddr from '@fastify/proxy-addr';
import { LRUCache } from 'lru-cache';
import type { Identity } from '../auth/identity.ts';
import type { Config, RateLimits } from '../config/config.ts';
import { HttpRefusal } from '../http/http-refusal.ts';

/*
 * Who asks too often has to wait. This stands before answers that cost the server some twenty microseconds in all, and
 * counts the operations of WebSockets as well, so it is a look into a Map: the libraries at hand are hooks of an HTTP
 * framework, or promise a value later, and cost as much as such an answer does.
 */

export interface RateLimiter {
  /**
   * Counts an operation, unless it comes too soon.
   * @param identity `null` when nobody can tell who asks
   * @returns how many seconds to wait before the next try; 0 when the operation may go ahead
   */
  take(identity: Identity | null, address: string): number;
}

/** Limits each token, and each address of those that bring none that is valid. Counts are kept by this process alone. */
export function createRateLimiter({ perAddress, perToken }: RateLimits, now: () => number): RateLimiter {
  const tokens = perToken === undefined ? null : new Buckets(perToken);
  const addresses = perAddress === undefined ? null : new Buckets(perAddress);
  return {
    take(identity, address) {
      if (identity === null || identity.isAnonymous) return addresses?.take(networkOf(address), now()) ?? 0;
      return tokens?.take(tokenKeyOf(identity), now()) ?? 0;
    },
  };
}

const tokenKeys = new WeakMap<Identity, string>();

/** Who a token is for and until when is as good as the token, and cannot be written in different ways. */
function tokenKeyOf(identity: Identity): string {
  let key = tokenKeys.get(identity);
  if (key === undefined) {
    key = `${identity.subject} ${identity.expiresAtMs}`;
    tokenKeys.set(identity, key);
  }
  return key;
}

/** @throws {HttpRefusal} 429 when the operation comes too soon */
export function checkRate(limiter: RateLimiter, identity: Identity | null, address: string): void {
  const waitSeconds = limiter.take(identity, address);
  if (waitSeconds === 0) return;
  throw new HttpRefusal(429, tooOften(waitSeconds), {
    code: 'RATE_LIMITED',
    headers: { 'retry-after': String(waitSeconds) },
  });
}

export function tooOften(waitSeconds: number): string {
  return `Too many requests; try again in ${waitSeconds === 1 ? 'a second' : `${waitSeconds} seconds`}.`;
}

const WINDOW_MS = 60_000;
/** Of one generation; beyond it the longest idle are forgotten early. */
const MAX_BUCKETS = 50_000;

interface Bucket {
  /** When nothing would be left in it if nothing were added any more. */
  emptyAtMs: number;
}

/**
 * Leaky buckets: each takes as much at once as the limit allows in a minute, and leaks evenly. Those that nothing was put
 * into for a minute or two are forgotten; by then they are empty.
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
    const bucket = this.#recent.get(key) ?? this.#bring(key, nowMs);
    const filledUntilMs = Math.max(bucket.emptyAtMs, nowMs) + this.#leakMs;
    const excessMs = filledUntilMs - nowMs - WINDOW_MS;
    // Adding up fractions of milliseconds leaves a trace.
    if (excessMs > 0.001) return Math.ceil(excessMs / 1000);
    bucket.emptyAtMs = filledUntilMs;
    return 0;
  }

  #bring(key: string, nowMs: number): Bucket {
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

/** Whoever has one address of IPv6 has the other 2⁶⁴ of its network too. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  let network = networks.get(address);
  if (network === undefined) {
    network = findNetwork(address);
    networks.set(address, network);
  }
  return network;
}

/** Reading an address takes longer than all the rest. */
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

/** Who sends a request, as far as the request and its connection tell. */
export interface Requester {
  readonly headers: IncomingMessage['headers'];
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** Finds a request's address: the peer's, or what those proxies say that may be trusted to tell. */
export function createAddressReader(trustProxy: Config['trustProxy']): (requester: Requester) => string {
  if (trustProxy === 0) return ({ socket }) => socket.remoteAddress ?? '';
  const trust =
    typeof trustProxy === 'number'
      ? (_address: string, hop: number) => hop < trustProxy
      : proxyAddr.compile([...trustProxy]);
  return (requester) => proxyAddr(requester as IncomingMessage, trust) ?? '';
}
