/** What the store holds of one record. Short names, because each entry carries them. */
export interface TierEntry {
  /** The record's version; of a deletion, the last version the record had. */
  readonly v: number;
  /** The generation that wrote the entry; see `GenerationTier`. */
  readonly g: string;
  /** Until when the entry may be used, in ms on the store's clock. It may be held longer, to refuse older writes. */
  readonly u: number;
  /** The record; `null`: deleted; left out: changed, but the content is unknown. */
  readonly r?: object | null;
}

export interface TierWrite {
  readonly key: string;
  readonly entry: TierEntry;
  /** The last moment at which the write may happen, in ms on the store's clock. */
  readonly notAfterMs: number;
}

/** `kept`: the held entry is newer. `late`: the write arrived after `notAfterMs` and changed nothing. */
export type TierWriteResult = 'written' | 'kept' | 'late';

/** How long, at least, a written entry refuses older writes. */
export const TIER_GUARD_MS = 60_000;

export interface TierStoreHandlers {
  /** The store can be reached from now on. */
  onUp(): void;
  /** The store was lost. Called once for each `onUp`, and once for each failed attempt to connect. */
  onDown(reason: unknown): void;
}

/**
 * Port: a key-value store that several instances share, and that may be unreachable, slow, or hold foreign data.
 *
 * Every call ends within a short deadline. A call that fails calls `onDown` before it rejects; its effect may still happen,
 * even later. While the store is down, calls reject at once, and the store reconnects in the background.
 */
export interface TierStore {
  /** Connects in the background. Call once. */
  start(handlers: TierStoreHandlers): void;
  /** Drops the connection and reconnects, as after a failure. */
  restart(reason: unknown): void;
  /** The store's clock, in ms. Ahead of the real one by at most the duration of one call, and never behind it. */
  nowMs(): number;
  /** Returns the text under each key, in order; `null` where there is none. The text may be anything. */
  read(keys: readonly string[]): Promise<(string | null)[]>;
  /**
   * Applies the writes in order, each one atomically, by these rules:
   * - A lower version never replaces a higher one.
   * - Of equal versions, a deletion replaces everything and only a deletion replaces it; a change of unknown content
   *   replaces nothing.
   * - Text that is no `TierEntry` is overwritten.
   *
   * The entry that is held afterwards, new or kept, stays at least until its `u` and for at least `TIER_GUARD_MS`.
   */
  write(writes: readonly TierWrite[]): Promise<TierWriteResult[]>;
  /** Disconnects. `onDown` is not called for it. May be called twice. */
  close(): Promise<void>;
}

/** Parses the text of an entry; `null` for any other text, because other programs may write to the store. */
export function parseTierEntry(text: string | null): TierEntry | null {
  if (text === null) return null;
  let entry: Partial<Record<keyof TierEntry, unknown>> | null;
  try {
    entry = JSON.parse(text);
  } catch {
    return null;
  }
  if (entry === null || !Number.isSafeInteger(entry.v)) return null;
  if (typeof entry.g !== 'string' || typeof entry.u !== 'number') return null;
  return entry.r === undefined || entry.r === null || isFlatRecord(entry.r) ? (entry as TierEntry) : null;
}

function isFlatRecord(value: NonNullable<unknown>): boolean {
  if (typeof value !== 'object' || Array.isArray(value)) return false;
  return Object.values(value).every((part) => isFlat(part) || (Array.isArray(part) && part.every(isFlat)));
}

function isFlat(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}
