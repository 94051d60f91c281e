import type { RemovalCause } from './removal-cause.ts';

/** What removals are attributed to: something that says it in words, when the log is read. */
export type RemovalOrigin = string | { toString(): string };

/** One entry, or derived value, that left. */
export interface LoggedRemoval {
  readonly key: string;
  readonly layer: string;
  readonly cause: RemovalCause;
  readonly atMs: number;
  /** What invalidated or replaced it; `undefined`: a read, or not known. */
  readonly origin: RemovalOrigin | undefined;
  /** Of a derived value: the key of the entry that left first; `undefined`: the value left by itself. */
  readonly dependency: string | undefined;
  /** Rises with each removal. */
  readonly number: number;
}

/** Remembered of each cause. */
const MAX_REMOVALS = 1000;
/** The characters of the keys that are remembered of each cause. */
const MAX_CHARACTERS = 1024 * 1024;
type Slot = { -readonly [Property in keyof LoggedRemoval]: LoggedRemoval[Property] };

const UNUSED: LoggedRemoval = {
  key: '',
  layer: '',
  cause: 'expired',
  atMs: 0,
  origin: undefined,
  dependency: undefined,
  number: -1,
};
const CAUSES = ['expired', 'evicted', 'invalidated', 'replaced'] as const satisfies readonly RemovalCause[];

/**
 * Remembers the last removals of each cause: the many that are replaced in place do not displace the few that explain a miss.
 * It keeps no values.
 */
export class RemovalLog {
  readonly #byCause: Readonly<Record<RemovalCause, RecentRemovals>> = {
    expired: new RecentRemovals(),
    evicted: new RecentRemovals(),
    invalidated: new RecentRemovals(),
    replaced: new RecentRemovals(),
  };
  #origin: RemovalOrigin | undefined;
  #count = 0;

  /** Runs an operation, and attributes the removals that it causes. */
  attribute<T>(origin: RemovalOrigin | undefined, operation: () => T): T {
    this.#origin = origin;
    try {
      return operation();
    } finally {
      this.#origin = undefined;
    }
  }

  note(key: string, layer: string, cause: RemovalCause, atMs: number, dependency?: string): void {
    // An operation that stores something may evict anything.
    const origin = cause === 'evicted' || cause === 'expired' ? undefined : this.#origin;
    const removal = this.#byCause[cause].next(key.length);
    removal.key = key;
    removal.layer = layer;
    removal.cause = cause;
    removal.atMs = atMs;
    removal.origin = origin;
    removal.dependency = dependency;
    removal.number = this.#count++;
  }

  /**
   * What is remembered, the newest first.
   * @param causes default: all
   */
  newestFirst(causes: readonly RemovalCause[] = CAUSES): LoggedRemoval[] {
    const removals = [...new Set(causes)].flatMap((cause) => this.#byCause[cause].all());
    return removals.sort((one, other) => other.number - one.number);
  }

  /** The last removal of a key. */
  lastOf(key: string): LoggedRemoval | undefined {
    return this.newestFirst().find((removal) => removal.key === key);
  }
}

/** A ring of objects that are written again and again: new ones would live just long enough to cost a lot. */
class RecentRemovals {
  readonly #slots: Slot[] = [];
  /** How many have been noted, and how many of them are forgotten. */
  #noted = 0;
  #forgotten = 0;
  #characters = 0;

  /** Returns the object of the next removal, to be written. @param characters the length of its key */
  next(characters: number): Slot {
    if (this.#noted - this.#forgotten === MAX_REMOVALS) this.#forgetOldest();
    this.#characters += characters;
    while (this.#characters > MAX_CHARACTERS && this.#forgotten < this.#noted) this.#forgetOldest();
    const place = this.#noted++ % MAX_REMOVALS;
    if (place === this.#slots.length) this.#slots.push({ ...UNUSED });
    return this.#slots[place]!;
  }

  /** As copies. */
  all(): LoggedRemoval[] {
    return this.#slots.filter(({ number }) => number >= 0).map((slot) => ({ ...slot }));
  }

  #forgetOldest(): void {
    const slot = this.#slots[this.#forgotten++ % MAX_REMOVALS]!;
    this.#characters -= slot.key.length;
    slot.key = '';
    slot.origin = undefined;
    slot.dependency = undefined;
    slot.number = -1;
  }
}
