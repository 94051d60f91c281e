/** What a second tier holds of one record. */
export interface TierEntry {
  /** The record's version; of a deletion, the last one it had. */
  readonly v: number;
  /** The generation that vouches for it; see `SecondTier`. */
  readonly g: string;
  /** Until when it may be used, on the clock of the tier. The entry may be held for longer, to refuse older ones. */
  readonly u: number;
  /** The record; `null`: deleted; left out: changed, but the content is not known. */
  readonly r?: object | null;
}

export interface TierWrite {
  readonly key: string;
  readonly entry: TierEntry;
  /** The moment, on the clock of the tier, from which on it is too late to write this. */
  readonly notAfterMs: number;
}

/** `kept`: what was held already is newer. `late`: it came after `notAfterMs` and nothing was done. */
export type TierWriteResult = 'written' | 'kept' | 'late';

/** How long what was written refuses older writes, at least. */
export const TIER_GUARD_MS = 60_000;

export interface TierHandlers {
  /** It can be reached from now on. */
  onUp(): void;
  /** It was lost. Called once for each `onUp`, and for each attempt to reach it that failed. */
  onDown(reason: unknown): void;
}

/**
 * Port: a store that several instances share, and that may be away, slow or full of other things at any time.
 *
 * Every call ends within a short deadline. One that fails takes the tier down before it rejects; what it asked for may be
 * done all the same, even later. While the tier is down calls reject at once, and it is tried again in the background.
 */
export interface Tier {
  start(handlers: TierHandlers): void;
  /** Gives up a connection that is not trusted any more, and tries again as after a failure. */
  restart(reason: unknown): void;
  /** The clock of the tier itself, never ahead of it by more than the time of one call. */
  nowMs(): number;
  /** What is held under each key, in their order: text that may be anything; `null` where there is none. */
  read(keys: readonly string[]): Promise<(string | null)[]>;
  /**
   * Writes each entry by itself and atomically, in their order, as its version allows:
   * - A lower version never replaces a higher one.
   * - Of the same version, a deletion replaces all and is replaced by a deletion only, and a change of unknown content
   *   replaces nothing.
   * - What is not an entry is overwritten.
   *
   * What is held then, be it new or kept, is held until its `u` and for `TIER_GUARD_MS`, and expires after that.
   */
  write(writes: readonly TierWrite[]): Promise<TierWriteResult[]>;
  close(): Promise<void>;
}

/** The entry that a text says, or `null` when it says something else: anybody may have written it. */
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
  return Object.values(value).every((part) => typeof part !== 'object' || part === null);
}
