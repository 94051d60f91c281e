import { hash } from 'node:crypto';
import type { Identity } from '../auth/identity.ts';
import {
  type Cache,
  type CacheDependency,
  type DerivedValue,
  type Entry,
  type LayerCounters,
  LruList,
  type LruNode,
  type ReadTrace,
  type RemovalCause,
} from '../cache/index.ts';
import { type Coding, compressFast, compressWell } from './content-coding.ts';
import type { Answer } from './operation.ts';

/** The layer that cached responses are counted in. */
export const RESPONSES = 'responses';

export interface CompleteResponse {
  readonly body: Buffer;
  readonly operationName: string | null;
}

/** A cached response, as it goes over the wire. A class, because object literals with a getter take ten times the memory. */
export class CachedResponse implements CompleteResponse, Answer, DerivedValue, LruNode<CachedResponse> {
  readonly key: string;
  readonly body: Buffer;
  readonly operationName: string | null;
  readonly storedAtMs: number;
  readonly dependency: CacheDependency;
  readonly #onGrown: (response: CachedResponse, bytes: number) => void;
  /** Approximate. */
  bytes: number;
  hits = 0;
  newer: CachedResponse | null = null;
  older: CachedResponse | null = null;
  #etag: string | undefined;
  #encoded: Map<Coding, EncodedBody> | undefined;

  /** @param onGrown is told of the bytes that came to a response after it was stored */
  constructor(
    key: string,
    { body, operationName }: CompleteResponse,
    storedAtMs: number,
    dependency: CacheDependency,
    onGrown: (response: CachedResponse, bytes: number) => void,
  ) {
    this.#onGrown = onGrown;
    this.key = key;
    this.body = body;
    this.operationName = operationName;
    this.storedAtMs = storedAtMs;
    this.dependency = dependency;
    this.bytes = OVERHEAD_BYTES + 2 * key.length + body.byteLength + BYTES_PER_PART * dependency.size;
  }

  /** When the first part of it does, unless that changes before. */
  get expiresAtMs(): number {
    return this.dependency.expiresAtMs;
  }

  /** Hashed when it is first asked for. */
  get etag(): string {
    this.#etag ??= strongEtag(this.body);
    return this.#etag;
  }

  /**
   * The body in a coding. The first who asks waits for the fastest compression; when somebody asks again, it is compressed
   * better in the background.
   */
  encoded(coding: Coding): Buffer {
    this.#encoded ??= new Map();
    const encoded = this.#encoded.get(coding);
    if (encoded === undefined) {
      const body = compressFast(coding, this.body);
      this.#encoded.set(coding, { body, isFinal: false });
      this.#onGrown(this, body.byteLength);
      return body;
    }
    if (!encoded.isFinal) {
      encoded.isFinal = true;
      // Without memory for it, the fast one remains.
      compressWell(coding, this.body).then(
        (body) => this.#improve(encoded, body),
        () => {},
      );
    }
    return encoded.body;
  }

  #improve(encoded: EncodedBody, body: Buffer): void {
    const gained = body.byteLength - encoded.body.byteLength;
    if (gained >= 0) return;
    encoded.body = body;
    this.#onGrown(this, gained);
  }

  get kind(): 'response' {
    return 'response';
  }

  get fault(): null {
    return null;
  }

  get errors(): readonly [] {
    return NO_ERRORS;
  }

  get isReusable(): boolean {
    return true;
  }

  get isStale(): boolean {
    return false;
  }

  get http(): null {
    return null;
  }
}

interface EncodedBody {
  body: Buffer;
  /** Whether it has been compressed well, or is just now. */
  isFinal: boolean;
}

const NO_ERRORS = [] as const;

/** Responses to longer requests are not stored: their keys would take the room of many others. */
export const MAX_KEY_LENGTH = 16 * 1024;
/** Beside the bytes and the key: the objects around them, and the note of each part. */
const OVERHEAD_BYTES = 600;
const BYTES_PER_PART = 60;

/**
 * Stores responses as bytes, by the roles that may see them and the exact text of the request, which is not parsed.
 *
 * A response is served as long as everything it was built from is valid in the cache, and dropped the moment it is not.
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
    this.#counters = cache.addDerivedLayer(RESPONSES, {
      all: () => [...this.#responses.values()],
      get: (text) => this.#responses.get(text),
    });
  }

  /** The memory of the cached responses, approximately. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The key of a request, or `null` for one whose response is not stored.
   * @param request everything that the response depends on, besides the caller's roles
   */
  keyOf({ roles }: Identity, request: string): string | null {
    if (request.length > MAX_KEY_LENGTH) return null;
    return `${scopeOf(roles)}\n${request}`;
  }

  /** The cached response, if it is valid. */
  get(key: string): CachedResponse | undefined {
    const response = this.#responses.get(key);
    if (!response?.dependency.isValid) return undefined;
    this.#order.touch(response);
    this.#counters.hits++;
    response.hits++;
    this.#cache.noteServed(response.dependency);
    return response;
  }

  /**
   * Stores a response, unless something it was built from has changed since it was read.
   * @returns whether it is stored
   */
  keep(key: string, complete: CompleteResponse, reads: ReadTrace): boolean {
    this.#counters.misses++;
    // Remove the old response first: when two requests race, invalidating the first must not evict the second.
    this.#remove(this.#responses.get(key), 'replaced');
    let response: CachedResponse | undefined;
    const dependency = this.#cache.dependOn(reads, (cause = 'replaced', part) => this.#remove(response, cause, part));
    if (!dependency) return false;
    response = new CachedResponse(key, complete, this.#cache.nowMs, dependency, this.#grow);
    if (response.bytes > this.#maxBytes) {
      dependency.end();
      return false;
    }
    this.#responses.set(key, response);
    this.#order.add(response);
    this.#bytes += response.bytes;
    this.#counters.size++;
    this.#makeRoom();
    return true;
  }

  readonly #grow = (response: CachedResponse, bytes: number): void => {
    response.bytes += bytes;
    if (this.#responses.get(response.key) !== response) return;
    this.#bytes += bytes;
    this.#makeRoom();
  };

  #makeRoom(): void {
    while (this.#bytes > this.#maxBytes) this.#evict(this.#order.oldest!);
  }

  #evict(response: CachedResponse): void {
    this.#remove(response, 'evicted');
    this.#counters.evictions++;
  }

  /** @param part the entry that left the cache before, of all that it was built from */
  #remove(response: CachedResponse | undefined, cause: RemovalCause, part?: Entry): void {
    // Voiding the dependency below calls this method again.
    if (!response || this.#responses.get(response.key) !== response) return;
    this.#responses.delete(response.key);
    this.#order.remove(response);
    this.#bytes -= response.bytes;
    this.#counters.size--;
    this.#cache.inspection.noteRemoval(RESPONSES, response.key, this.#causeOf(response, cause, part), part);
    response.dependency.end();
  }

  #causeOf({ expiresAtMs }: CachedResponse, cause: RemovalCause, part: Entry | undefined): RemovalCause {
    if (cause !== 'replaced') return cause;
    // It goes for good when a part of it is replaced.
    if (part) return 'invalidated';
    return expiresAtMs <= this.#cache.nowMs ? 'expired' : 'replaced';
  }

  /** Why `get` finds nothing under a key, in words. */
  explainMiss(key: string): string {
    const held = this.#responses.get(key);
    if (held) return held.expiresAtMs <= this.#cache.nowMs ? 'expired' : 'changes may be missed: the feed is not live';
    const removal = this.#cache.inspection.lastRemovalOf(key);
    if (!removal) return 'not stored before, or too long ago to be remembered';
    const { cause, dependency, origin } = removal;
    return `${cause}${dependency === undefined ? '' : ` with ${dependency}`}${origin === undefined ? '' : ` by ${origin}`}`;
  }

  /** How many seconds ago a response was stored. */
  ageSeconds({ storedAtMs }: CachedResponse): number {
    return (this.#cache.nowMs - storedAtMs) / 1000;
  }
}

/** Callers with the same roles may see the same. */
function scopeOf(roles: Identity['roles']): string {
  return roles.length === 1 ? roles[0]! : roles.join(',');
}

/** RFC 9110, section 8.8.1: equal only for the same bytes. */
export function strongEtag(body: Buffer | string): string {
  return `"${hash('sha256', body, 'base64url').slice(0, 27)}"`;
}
