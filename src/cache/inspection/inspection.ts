import { type CacheDependency, countDependents } from '../cache-dependency.ts';
import type { Clock } from '../clock.ts';
import { compileGlob } from '../glob.ts';
import type { Entry } from '../store/entry.ts';
import type { EntryStore } from '../store/entry-store.ts';
import type { RemovalCause } from '../store/removal-cause.ts';
import type { LoggedRemoval, RemovalLog } from '../store/removal-log.ts';
import { comparePlaces, type EntryOrder, type EntryPlace, type Ordered, placeOf } from './entry-order.ts';
import { eventLoopTurns, type Turns, visitInTurns } from './in-turns.ts';
import { Smallest } from './smallest.ts';

/** A value derived from entries, in a layer of its own. */
export interface DerivedValue extends Ordered {
  readonly dependency: Pick<CacheDependency, 'keys'>;
}

/** The values of a derived layer. */
export interface DerivedValues {
  /** All of them, as a copy. */
  all(): readonly DerivedValue[];
  get(key: string): DerivedValue | undefined;
}

/** An entry or a derived value, as it was when it was looked at. */
export interface InspectedEntry extends Ordered {
  readonly layer: string;
  /** Frozen; `undefined` of a derived value. */
  readonly value: unknown;
  /** How many derived values depend on it. */
  readonly dependents: number;
  /** The keys of the entries that a derived value was made from; none for other values. */
  dependencies(): readonly string[];
}

export interface ListedEntry extends InspectedEntry {
  readonly place: EntryPlace;
}

export interface EntryQuery {
  /** A glob over whole keys. */
  readonly pattern: string;
  /** Default: the entries, of all layers that are not derived. */
  readonly layer?: string | undefined;
  readonly order: EntryOrder;
  /** Only those behind this place. */
  readonly after?: EntryPlace | null;
  /** Only those before this place. */
  readonly before?: EntryPlace | null;
  /** Whether the page is taken from the start or from the end of those. Default: the start. */
  readonly from?: 'START' | 'END';
  readonly size: number;
}

export interface RemovalQuery extends Pick<EntryQuery, 'pattern'> {
  readonly first: number;
  /** Default: all. */
  readonly causes?: readonly RemovalCause[] | undefined;
}

export interface EntryPage {
  /** In the order that was asked for. */
  readonly entries: readonly ListedEntry[];
  /** Whether there are more in the direction in which the page was taken. */
  readonly hasMore: boolean;
  /** How many the pattern selects. */
  readonly totalCount: number;
}

/** How many keys are told of what a pattern selects. */
export const MAX_KEYS_TOLD = 100;

interface InspectionParts {
  readonly store: EntryStore;
  readonly log: RemovalLog;
  readonly clock: Clock;
}

interface Found {
  readonly entry: Entry | DerivedValue;
  readonly place: EntryPlace;
}

/**
 * Tells what a cache holds, and what left it lately. To look at many entries takes many turns of the event loop: each entry
 * is told of as it was in its turn, and one that was stored meanwhile may be missing.
 */
export class CacheInspection {
  readonly #store: EntryStore;
  readonly #log: RemovalLog;
  readonly #clock: Clock;
  readonly #turns: Turns;
  readonly #derived = new Map<string, DerivedValues>();
  /** One after the other, because their turns would add up. */
  #last: Promise<unknown> = Promise.resolve();

  constructor({ store, log, clock }: InspectionParts, turns = eventLoopTurns) {
    this.#store = store;
    this.#log = log;
    this.#clock = clock;
    this.#turns = turns;
  }

  /** See `Cache.addDerivedLayer`. */
  addLayer(name: string, values: DerivedValues): void {
    this.#derived.set(name, values);
  }

  /** The layers that have been used, and the derived ones. */
  get layers(): readonly string[] {
    return [...this.#store.layerNames, ...this.#derived.keys()];
  }

  /** Notes that a value left a derived layer. @param dependency the entry that left first, if it was for that */
  noteRemoval(layer: string, key: string, cause: RemovalCause, dependency?: Pick<Entry, 'key'>): void {
    this.#log.note(key, layer, cause, this.#clock.now(), dependency?.key);
  }

  /** The entry, or derived value, under a key. */
  find(key: string): InspectedEntry | undefined {
    const entry = this.#store.peek(key);
    if (entry) return inspect(entry, entry.layer);
    for (const [layer, values] of this.#derived) {
      const value = values.get(key);
      if (value) return inspect(value, layer);
    }
    return undefined;
  }

  /**
   * One page of the entries whose keys match the glob.
   * @throws {PatternError} as a rejection, see `Cache.invalidate`
   */
  async list({ pattern, layer, order, after, before, from, size }: EntryQuery): Promise<EntryPage> {
    const isBackward = from === 'END';
    const compare = (one: EntryPlace, other: EntryPlace) => comparePlaces(one, other, order);
    // One more shows whether there are more.
    const page = new Smallest<Found>(size + 1, (one, other) =>
      isBackward ? compare(other.place, one.place) : compare(one.place, other.place),
    );
    const totalCount = await this.#visit(pattern, layer, (entry) => {
      const place = placeOf(entry, order);
      if ((after && compare(place, after) <= 0) || (before && compare(place, before) >= 0)) return;
      page.add({ entry, place });
    });
    const found = page.take();
    const entries = found.slice(0, size).map(({ entry, place }) => {
      return { ...inspect(entry, 'layer' in entry ? entry.layer : layer!), place };
    });
    return { entries: isBackward ? entries.reverse() : entries, hasMore: found.length > size, totalCount };
  }

  /**
   * What `Cache.invalidate` would remove: how many entries, and the first keys of them.
   * @throws {PatternError} as a rejection
   */
  async select(pattern: string): Promise<{ readonly count: number; readonly keys: readonly string[] }> {
    const keys: string[] = [];
    const count = await this.#visit(pattern, undefined, ({ key }) => {
      if (keys.length < MAX_KEYS_TOLD) keys.push(key);
    });
    return { count, keys };
  }

  /**
   * The last removals of keys that match the glob, the newest first.
   * @throws {PatternError} as a rejection
   */
  async removals({ pattern, causes, first }: RemovalQuery): Promise<readonly LoggedRemoval[]> {
    const isSelected = compileGlob(pattern);
    const selected: LoggedRemoval[] = [];
    const look = (removal: LoggedRemoval) => {
      if (selected.length < first && isSelected(removal.key)) selected.push(removal);
    };
    await this.#inTurn(() => visitInTurns(this.#log.newestFirst(causes), look, this.#turns));
    return selected;
  }

  /** The last removal of a key, as far as it is remembered. */
  lastRemovalOf(key: string): LoggedRemoval | undefined {
    return this.#log.lastOf(key);
  }

  /** Visits what is held and matches the glob, and returns its number. */
  async #visit(
    pattern: string,
    layer: string | undefined,
    visit: (entry: Entry | DerivedValue) => void,
  ): Promise<number> {
    const isSelected = compileGlob(pattern);
    let count = 0;
    const look = (entry: Entry | DerivedValue) => {
      if ((layer !== undefined && 'layer' in entry && entry.layer !== layer) || !isSelected(entry.key)) return;
      count++;
      visit(entry);
    };
    await this.#inTurn(() => visitInTurns(this.#valuesOf(layer), look, this.#turns));
    return count;
  }

  #valuesOf(layer: string | undefined): readonly (Entry | DerivedValue)[] {
    return (layer === undefined ? undefined : this.#derived.get(layer)?.all()) ?? this.#store.all();
  }

  #inTurn(look: () => Promise<void>): Promise<void> {
    const looked = this.#last.then(look);
    this.#last = looked.catch(() => {});
    return looked;
  }
}

function inspect(source: Entry | DerivedValue, layer: string): InspectedEntry {
  const { key, bytes, hits, storedAtMs, expiresAtMs } = source;
  const isEntry = 'layer' in source;
  return {
    key,
    layer,
    bytes,
    hits,
    storedAtMs,
    expiresAtMs,
    value: isEntry ? source.value : undefined,
    dependents: isEntry ? countDependents(source) : 0,
    dependencies: () => (isEntry ? [] : source.dependency.keys),
  };
}
