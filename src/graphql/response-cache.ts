import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Identity } from '../auth/identity.ts';
import type { Cache, LayerCounters, ReadTrace, Voucher } from '../cache/index.ts';

/** The layer of the cache's figures that answers are counted in. */
export const RESPONSES = 'responses';

/** A whole answer, as it went over the wire. */
export class KeptResponse {
  readonly body: Buffer;
  readonly contentType: string;
  readonly operationName: string | null;
  readonly keptAtMs: number;
  readonly #voucher: Voucher;
  #etag: string | undefined;

  constructor(answer: CompleteAnswer, voucher: Voucher, keptAtMs: number) {
    this.body = Buffer.from(answer.text);
    this.contentType = answer.contentType;
    this.operationName = answer.operationName;
    this.keptAtMs = keptAtMs;
    this.#voucher = voucher;
  }

  get isCurrent(): boolean {
    return this.#voucher.isValid;
  }

  /** The keys of the records and lists it was built from. */
  get parts(): readonly string[] {
    return this.#voucher.keys;
  }

  get etag(): string {
    this.#etag ??= strongEtag(this.body);
    return this.#etag;
  }
}

export interface CompleteAnswer {
  readonly text: string;
  readonly contentType: string;
  readonly operationName: string | null;
}

/** Longer requests are answered, but not recognized: they would crowd out many others. */
const MAX_KEY_LENGTH = 16 * 1024;
/** Beside the bytes and the key: the objects around them, and a reference for each part. */
const OVERHEAD_BYTES = 500;
const BYTES_PER_PART = 16;

/**
 * Answers kept as bytes, found by who may see them and by the exact request, without reading it.
 *
 * An answer is given as long as the cache vouches for everything it was built from, and never after. Nothing has to drop
 * it: a change makes its parts leave the cache, and the next look finds that out.
 */
export class ResponseCache {
  readonly #cache: Cache;
  readonly #responses: LRUCache<string, KeptResponse>;
  readonly #counters: LayerCounters;

  constructor(cache: Cache, { maxBytes }: { readonly maxBytes: number }) {
    this.#cache = cache;
    this.#counters = cache.counters(RESPONSES);
    this.#responses = new LRUCache<string, KeptResponse>({
      maxSize: maxBytes,
      onInsert: () => {
        this.#counters.size++;
      },
      dispose: (_response, _key, reason) => {
        this.#counters.size--;
        if (reason === 'evict') this.#counters.evictions++;
      },
    });
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
  get(key: string): KeptResponse | undefined {
    const response = this.#responses.get(key);
    if (response === undefined) return undefined;
    if (!response.isCurrent) {
      this.#responses.delete(key);
      return undefined;
    }
    this.#counters.hits++;
    return response;
  }

  /** Keeps an answer, unless something it was built from has changed since it was read. */
  keep(key: string, answer: CompleteAnswer, reads: ReadTrace): void {
    this.#counters.misses++;
    const voucher = this.#cache.vouchFor(reads);
    if (!voucher) return;
    const response = new KeptResponse(answer, voucher, this.#cache.nowMs);
    const size = OVERHEAD_BYTES + 2 * key.length + response.body.byteLength + BYTES_PER_PART * reads.keys.length;
    this.#responses.set(key, response, { size });
  }

  /** Lets go of the answers that hold no longer; of those that nobody asks for again nothing else would. */
  sweep(): void {
    for (const [key, response] of this.#responses.entries()) {
      if (!response.isCurrent) this.#responses.delete(key);
    }
  }

  /** How many seconds ago an answer was kept. */
  ageSeconds({ keptAtMs }: KeptResponse): number {
    return (this.#cache.nowMs - keptAtMs) / 1000;
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
