import type { AnnouncedRecord } from './announcement.ts';
import type { Clock } from './clock.ts';
import type { InFlightLoads, Load } from './in-flight-loads.ts';
import type { ServedSample } from './served-sample.ts';
import { type Dependent, type Entry, isAffected, isAtLeastAsNew } from './store/entry.ts';
import type { EntryStore } from './store/entry-store.ts';
import { freezeAndMeasure } from './store/value.ts';

interface AnnouncedChangesParts {
  readonly store: EntryStore;
  readonly loads: InFlightLoads;
  readonly sample: ServedSample | undefined;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** Applies announced changes to what the store holds, and to the running loads. */
export class AnnouncedChanges {
  readonly #parts: AnnouncedChangesParts;

  constructor(parts: AnnouncedChangesParts) {
    this.#parts = parts;
  }

  /**
   * Replaces a record by its new content, or drops it.
   * @param isLive whether values may be stored
   */
  applyToRecord(record: AnnouncedRecord, isLive: boolean): void {
    const { loads, onError, sample, store } = this.#parts;
    const { key, version, value } = record;
    sample?.noteAnnounced(record);
    loads.invalidateKey(key);
    const held = store.peek(key);
    if (!held) return;
    // A record that exists again, or whose content is unknown, is left to the next reader's load.
    const isReplaceable = held.value !== null && value !== undefined;
    if (isReplaceable && isAtLeastAsNew(held, version, value)) return;
    store.delete(key, isReplaceable && isLive ? 'replaced' : 'invalidated');
    if (!isReplaceable || !isLive) return;
    const { layer, tags, isAffectedBy, expiresAtMs, storedAtMs } = held;
    const ttlSeconds = value === null ? undefined : (expiresAtMs - storedAtMs) / 1000;
    try {
      const options = { layer, ttlSeconds, version, tags, isAffectedBy };
      const entry = store.put(key, value, options, freezeAndMeasure(value));
      sample?.note(entry);
    } catch (error) {
      onError(error);
    }
  }

  /**
   * Drops, or brings up to date, the values that carry one of the tags.
   * @param isLive whether values may be stored
   */
  applyToTagged(tags: readonly string[], change: unknown, isLive: boolean): void {
    const { store, loads, sample } = this.#parts;
    // A change counts once, also for a value that has several of the tags.
    const evolved = new Set<string>();
    for (const tag of tags) {
      for (const entry of store.tagged(tag)) {
        if (evolved.has(entry.key)) continue;
        if (this.#affects(change, entry)) store.delete(entry.key, 'invalidated');
        else if (!entry.evolution) sample?.note(entry);
        else {
          evolved.add(entry.key);
          this.#evolve(entry, change, isLive);
        }
      }
      loads.announceTagged(tag, change, (load) => this.#affects(change, load));
    }
  }

  /** The value that a load found, brought up to date with what was announced meanwhile; `isKnown`: with all of it. */
  replay(load: Load, key: string, loaded: unknown): { readonly value: unknown; readonly isKnown: boolean } {
    let value = loaded;
    for (const change of load.changes) {
      const next = this.#next(load, change, value, key);
      if (next === undefined) return { value, isKnown: false };
      value = next;
    }
    return { value, isKnown: true };
  }

  #evolve(entry: Entry, change: unknown, isLive: boolean): void {
    const { store, sample } = this.#parts;
    const { key, layer, tags, isAffectedBy, evolution, request } = entry;
    const value = this.#next(entry, change, entry.value, key);
    if (value === entry.value) {
      sample?.note(entry);
      return;
    }
    // Keeps the expiry of the replaced entry, so that a change without an announcement shows after one TTL at most.
    const ttlSeconds = (entry.expiresAtMs - this.#parts.clock.now()) / 1000;
    if (value === undefined || ttlSeconds <= 0 || !isLive) {
      store.delete(key, 'invalidated');
      return;
    }
    const bytes = measureEvolving(value, entry);
    const options = { layer, ttlSeconds, tags, isAffectedBy, evolution, request };
    const now = store.put(key, value, options, bytes);
    sample?.note(now);
  }

  #next({ evolution }: Dependent, change: unknown, value: unknown, key: string): unknown {
    try {
      return evolution!.next(change, value, key);
    } catch (error) {
      this.#parts.onError(error);
      return undefined;
    }
  }

  #affects(change: unknown, dependent: Dependent & { readonly value?: unknown }): boolean {
    return isAffected(change, dependent, this.#parts.onError);
  }
}

/** Freezes a value, and estimates its size with what is kept beside it. */
export function measureEvolving(value: unknown, { evolution }: Pick<Dependent, 'evolution'>): number {
  return freezeAndMeasure(value) + (evolution?.bytesBeside(value) ?? 0);
}
