import type { AnnouncedRecord } from './announcement.ts';
import type { LayerCounters } from './store/stats.ts';

/**
 * A message from one instance to all instances, its sender included. `sync` asks for a generation to join; `synced`
 * offers one.
 */
export type TierMessage =
  | { readonly command: 'sync'; readonly question: string; readonly from: string }
  | { readonly command: 'synced'; readonly question: string; readonly from: string; readonly generation: string };

/** A record found in the second tier. */
export interface TierRecord {
  readonly record: object;
  readonly version: number;
  /** `false`: the record may be outdated, so compare it with the database before use. */
  readonly isCurrent: boolean;
}

/** The second tier as one load sees it. The load must begin when the visit is created. */
export interface TierVisit {
  /** Returns the usable records among `keys`. Never rejects: a failure looks like a tier that holds nothing. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, TierRecord>>;
  /** Stores, in the background, a record that the load found in the database, or found unchanged there. */
  store(key: string, version: number, record: object): void;
}

/**
 * Port: a store behind the cache that several instances share and that outlives each of them.
 *
 * It holds records only: flat, JSON-safe objects, each with a numeric version that rises with every write. Its owner calls
 * `start`, `receive`, `rejoin` and `close`, and asks for a `visit` when it loads records. `Cache` calls `announce`,
 * `suspend`, `resume` and `discard`.
 *
 * Contract: a record returned with `isCurrent: true` is at least as new as
 * - the last announcement of its key that this instance has applied, and
 * - the last version of its key that this instance passed to `observeVersion`, for at least 15 s after the call, and
 * - the last version of its key that was committed before `resume`. Before `resume` this instance was ahead of its
 *   announcements: it answered from the database, and answered writes without waiting for them.
 *
 * No method throws and none waits for the network, except `close` and `TierVisit.read`. Faults go to the implementation's
 * own error handler.
 */
export interface SecondTier {
  /** Whether the store can be reached. */
  readonly isUp: boolean;
  /** Names the group of instances whose writes this instance accepts without a check; `null` while the tier is unused. */
  readonly generation: string | null;
  /** Reads that found a usable record (`hits`) and reads that did not (`misses`). */
  readonly counters: Readonly<LayerCounters>;
  /** Connects in the background. Call once. */
  start(): void;
  /** Disconnects. The tier cannot be started again. */
  close(): Promise<void>;
  /** Changes may be missed from now on: the tier is not used until `resume`. */
  suspend(): void;
  /** Every change is announced from now on. Changes before this call may have been missed. */
  resume(): void;
  /** Records committed changes and writes them to the tier in the background. Call in commit order. */
  announce(records: readonly AnnouncedRecord[]): void;
  /**
   * Records what a reader is about to see from the database, so that no later read of the tier is older.
   * @param version `null`: the record does not exist
   */
  observeVersion(key: string, version: number | null): void;
  /** Call when a load begins. Returns `null` while the tier is unused. */
  visit(): TierVisit | null;
  /** Returns nothing that was written before this call, not even after a comparison with the database. */
  discard(): void;
  /**
   * Accepts nothing unchecked that was written before this call. Every instance calls it on the same message of the feed,
   * in feed order, for an event that outdated the records of all instances.
   */
  rejoin(): void;
  /** Handles a message of any instance, in feed order. */
  receive(message: TierMessage): void;
}
