import type { AnnouncedRecord } from './announcement.ts';
import type { Entry } from './store/entry.ts';

export interface ServedSampleOptions {
  /** How many of 100 reads and announcements are picked: more than 0, at most 100. */
  readonly percent: number;
  /** Default: `Math.random`. */
  readonly random?: () => number;
}

/** An entry that was picked, and whether a newer version of it had been announced by then. */
export type Picked = ReadonlyMap<Entry, boolean>;

/** What one round of an audit is picked from. A full sample picks nothing more. */
const MAX_PICKED = 1000;
const MAX_ANNOUNCED = 10_000;

/**
 * Picks some of the entries that a cache serves, and some of those that an announcement has just replaced or left alone, for
 * an audit to compare with where they come from. What is not picked costs one subtraction.
 */
export class ServedSample {
  readonly #random: () => number;
  readonly #longestStep: number;
  /** The announced version of records: negative of a deletion. */
  readonly #announced = new Map<string, number>();
  #picked = new Map<Entry, boolean>();
  #left: number;

  /** @throws {RangeError} when `percent` is out of bounds */
  constructor({ percent, random = Math.random }: ServedSampleOptions) {
    if (!(percent > 0 && percent <= 100)) throw new RangeError(`percent must be above 0, at most 100; got ${percent}.`);
    this.#random = random;
    this.#longestStep = 200 / percent - 1;
    this.#left = this.#step();
  }

  /** Notes that an entry was served, or met by an announcement. */
  note(entry: Entry): void {
    if (this.#isNext()) this.#pick(entry);
  }

  /** Notes that a value was served which was made of these entries: one read, of which all or none are picked. */
  noteTogether(entries: readonly Entry[]): void {
    if (this.#isNext()) for (const entry of entries) this.#pick(entry);
  }

  /** Notes an announcement that the cache is about to apply. */
  noteAnnounced({ key, version, value }: AnnouncedRecord): void {
    this.#announced.set(key, value === null ? -version : version);
    if (this.#announced.size <= MAX_ANNOUNCED) return;
    const [oldest] = this.#announced.keys();
    this.#announced.delete(oldest!);
  }

  /**
   * Whether this version of a record was announced, as far as that is remembered.
   * @param version `null`: that it was deleted
   */
  wasAnnounced(key: string, version: number | null): boolean {
    const announced = this.#announced.get(key);
    if (announced === undefined) return false;
    return version === null ? announced < 0 : announced >= version;
  }

  /** Forgets what was announced: the next versions may belong to another history of the records. */
  forgetAnnounced(): void {
    this.#announced.clear();
  }

  /** Returns what was picked since the last call. */
  take(): Picked {
    const picked = this.#picked;
    this.#picked = new Map();
    return picked;
  }

  /** Counts one read, and says whether it is picked. */
  #isNext(): boolean {
    this.#left -= 1;
    if (this.#left > 0) return false;
    this.#left = this.#step();
    return true;
  }

  /** Random, so that it keeps no step with reads that come in the same order again and again. `percent` holds on average. */
  #step(): number {
    return 1 + Math.floor(this.#random() * this.#longestStep);
  }

  #pick(entry: Entry): void {
    if (!entry.isHeld || this.#picked.has(entry) || this.#picked.size >= MAX_PICKED) return;
    const { key, version } = entry;
    this.#picked.set(entry, version !== undefined && version < (this.#announced.get(key) ?? 0));
  }
}
