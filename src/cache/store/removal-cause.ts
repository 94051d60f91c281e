/**
 * Why an entry left the cache:
 * - `expired`: its TTL was over, and it was swept, asked for, or replaced after that.
 * - `evicted`: it was the least recently used one when the cache exceeded `maxEntries` or `maxBytes`.
 * - `invalidated`: it was deleted, cleared, matched by a pattern, affected by an announced change, dropped by `resume`, or
 *   contradicted by a load.
 * - `replaced`: a new value was stored under its key.
 */
export type RemovalCause = 'expired' | 'evicted' | 'invalidated' | 'replaced';
