import type { Clock } from './clock.ts';
import type { FillLease, Primed, PrimeOptions } from './contract.ts';
import type { InFlightLoads, Load } from './in-flight-loads.ts';
import type { SecondTier } from './second-tier.ts';
import type { Entry, StoreOptions } from './store/entry.ts';
import type { EntryStore } from './store/entry-store.ts';
import { freezeAndMeasure } from './store/value.ts';

interface FillingParts {
  readonly store: EntryStore;
  readonly loads: InFlightLoads;
  readonly clock: Clock;
  readonly secondTier: SecondTier | null;
  readonly isLive: () => boolean;
}

/** Stores what loads return, unless it may be older than what is known by then. */
export class Filling {
  readonly #store: EntryStore;
  readonly #loads: InFlightLoads;
  readonly #clock: Clock;
  readonly #secondTier: SecondTier | null;
  readonly #isLive: () => boolean;

  constructor({ store, loads, clock, secondTier, isLive }: FillingParts) {
    this.#store = store;
    this.#loads = loads;
    this.#clock = clock;
    this.#secondTier = secondTier;
    this.#isLive = isLive;
  }

  leaseOf(load: Load): FillLease {
    return {
      mayFill: (key) => this.#loads.mayStoreResult(load, key),
      prime: (key, value, options) => this.#prime(load, key, value, options, this.#clock.now()),
      primeAll: (values, options) => this.#primeAll(load, values, options),
    };
  }

  #primeAll<V>(load: Load, values: readonly V[], { layer, keyOf, versionOf, bytesOf }: PrimeOptions<V>): Primed[] {
    const nowMs = this.#clock.now();
    return values.map((value) => {
      const options = { layer, version: versionOf(value), bytes: bytesOf(value) };
      return this.#prime(load, keyOf(value), value, options, nowMs);
    });
  }

  #prime(load: Load, key: string, value: unknown, options: StoreOptions, nowMs: number): Primed {
    const { version } = options;
    if (version !== undefined) this.#secondTier?.observeVersion(key, version);
    if (!this.#loads.mayPrime(load, key) || this.#loads.isOutdated(load, key, version)) return null;
    const valueBytes = options.bytes ?? freezeAndMeasure(value);
    if (this.#store.hasRoomFor(key, valueBytes)) return this.keep(key, value, options, valueBytes, nowMs);
    this.#loads.guardUnstored(key, version);
    return 'no room';
  }

  /** Stores a loaded value, unless a newer one is held; returns the entry that now holds it. */
  keep(
    key: string,
    value: unknown,
    options: StoreOptions,
    valueBytes: number,
    nowMs: number = this.#clock.now(),
  ): Entry | null {
    const held = this.#store.peek(key);
    if (held?.version !== undefined && options.version !== undefined) {
      if (held.version > options.version) return null;
      // The same content. Keeping the entry keeps everything derived from it.
      if (held.version === options.version && held.expiresAtMs > nowMs && this.#isLive()) return held;
    } else if (held && (held.value === null) !== (value === null) && this.#mayBeLater(held, nowMs)) {
      // Two loads disagree on whether the record exists, and no version tells which is later. The next reader loads.
      this.#loads.invalidateKey(key);
      this.#store.delete(key, 'invalidated');
      return null;
    }
    return this.#isLive() ? this.#store.put(key, value, options, valueBytes, held ?? null, nowMs) : null;
  }

  /** Whether a held entry may be from a later query than the value of a load. */
  #mayBeLater(held: Entry, nowMs: number): boolean {
    return held.expiresAtMs > nowMs || this.#loads.hasLoadOlderThan(held);
  }
}
