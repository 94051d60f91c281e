import { hash } from 'node:crypto';
import type { Identity } from '../auth/identity.ts';
import {
  type Cache,
  type CacheDependency,
  type LayerCounters,
  LruList,
  type LruNode,
  type ReadTrace,
} from '../cache/index.ts';

/** The layer of the cache's figures that answers are counted in. */
export const RESPONSES = 'responses';

export interface CompleteAnswer {
  readonly body: Buffer;
  readonly contentType: string;
  readonly operationName: string | null;
}

/** A whole answer, as it went over the wire. A class, because an object with a getter of its own takes ten times as much. */
export class CachedResponse implements CompleteAnswer, LruNode<CachedResponse> {
  readonly key: string;
  readonly body: Buffer;
  readonly contentType: string;
  readonly operationName: string | null;
  readonly storedAtMs: number;
  readonly dependency: CacheDependency;
  /** Approximate. */
  readonly bytes: number;
  newer: CachedResponse | null = null;
  older: CachedResponse | null = null;
  #etag: string | undefined;

  constructor(
    key: string,
    { body, contentType, operationName }: CompleteAnswer,
    storedAtMs: number,
    dependency: CacheDependency,
  ) {
    this.key = key;
    this.body = body;
    this.contentType = contentType;
    this.operationName = operationName;
    this.storedAtMs = storedAtMs;
    this.dependency = dependency;
    this.bytes = OVERHEAD_BYTES + 2 * key.length + body.byteLength + BYTES_PER_PART * dependency.size;
  }

  /** Hashed only when somebody wants to know. */
  get etag(): string {
    this.#etag ??= strongEtag(this.body);
    return this.#etag;
  }
}

/** Longer requests are answered, but not recognized: they would crowd out many others. */
export const MAX_KEY_LENGTH = 16 * 1024;
/** Beside the bytes and the key: the objects around them, and what is noted for each part. */
const OVERHEAD_BYTES = 600;
const BYTES_PER_PART = 60;

/**
 * Answers kept as bytes, found by who may see them and by the exact request, without reading it.
 *
 * An answer is given as long as the cache vouches for everything it was built from, and dropped the moment it does not.
 */
export class ResponseCache {
  readonly #cache: Cache;
  readonly #maxBytes: number;
  readonly #responses = new Map<string, CachedResponse>();
  readonly #order = new LruList<CachedResponse>();
  readonly #counters: LayerCounters;
  #bytes = 0;

  constructor(cache: Cache, { maxBytes }: { readonly maxBytes: number }) {
    this.#cache = cache;
    this.#maxBytes = maxBytes;
    this.#counters = cache.addDerivedLayer(RESPONSES);
  }

  /**
   * The key of a request, or `null` for one that is not kept.
   * @param accept the header, by which the answer's type is chosen
   * @param request what the answer depends on besides: the body, or the query string
   */
  keyOf({ roles }: Identity, accept: string | undefined, request: string): string | null {
    if (request.length > MAX_KEY_LENGTH) return null;
    return `${scopeOf(roles)}\n${accept ?? ''}\n${request}`;
  }

  /** The answer to give, if there is one that holds. */
  get(key: string): CachedResponse | undefined {
    const response = this.#responses.get(key);
    if (!response?.dependency.isValid) return undefined;
    this.#order.touch(response);
    this.#counters.hits++;
    return response;
  }

  /** Keeps an answer, unless something it was built from has changed since it was read. */
  keep(key: string, answer: CompleteAnswer, reads: ReadTrace): void {
    this.#counters.misses++;
    // First, because of two that are made at once the first one's end must not take the second along.
    this.#remove(this.#responses.get(key));
    let response: CachedResponse | undefined;
    const dependency = this.#cache.dependOn(reads, () => this.#remove(response));
    if (!dependency) return;
    response = new CachedResponse(key, answer, this.#cache.nowMs, dependency);
    if (response.bytes > this.#maxBytes) {
      dependency.void();
      return;
    }
    this.#responses.set(key, response);
    this.#order.add(response);
    this.#bytes += response.bytes;
    this.#counters.size++;
    while (this.#bytes > this.#maxBytes) this.#evict(this.#order.oldest!);
  }

  #evict(response: CachedResponse): void {
    this.#remove(response);
    this.#counters.evictions++;
  }

  #remove(response: CachedResponse | undefined): void {
    // The end of its dependency comes back here.
    if (!response || this.#responses.get(response.key) !== response) return;
    this.#responses.delete(response.key);
    this.#order.remove(response);
    this.#bytes -= response.bytes;
    this.#counters.size--;
    response.dependency.void();
  }

  /** How many seconds ago an answer was kept. */
  ageSeconds({ storedAtMs }: CachedResponse): number {
    return (this.#cache.nowMs - storedAtMs) / 1000;
  }
}

/** Those with the same roles may see the same. */
function scopeOf(roles: Identity['roles']): string {
  return roles.length === 1 ? roles[0]! : roles.join(',');
}

/** RFC 9110, section 8.8.1: equal only for the same bytes. */
export function strongEtag(body: Buffer | string): string {
  return `"${hash('sha256', body, 'base64url').slice(0, 27)}"`;
}
