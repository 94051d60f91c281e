import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Announcement } from '../contract.ts';
import type { LayerCounters } from '../stats.ts';
import { MinimumVersions } from './minimum-versions.ts';
import { parseTierEntry, type Tier, type TierWrite, type TierWriteResult } from './tier.ts';

/**
 * What instances say to each other, over something that delivers it to all of them in one order with the announcements.
 * `sync` asks for a generation to join; `synced` offers one.
 */
export type TierMessage =
  | { readonly command: 'sync'; readonly question: string; readonly from: string }
  | { readonly command: 'synced'; readonly question: string; readonly from: string; readonly generation: string };

export interface SecondTierOptions {
  readonly tier: Tier;
  /**
   * Before every key: nothing else in the tier is ever touched. Those who share it share one database and one schema.
   * A function is not asked before `start`.
   */
  readonly keyPrefix: string | (() => string);
  readonly send: (message: TierMessage) => Promise<void>;
  /** How long a record is taken as it is. Default 300. */
  readonly ttlSeconds?: number;
  readonly onError?: (error: unknown) => void;
  /** Must never go back. Default: that of the process. */
  readonly clock?: Clock;
}

/** A record the tier holds. One that is not vouched for may be old: it is to be compared with the database first. */
export interface TierRecord {
  readonly record: object;
  readonly version: number;
  readonly isCurrent: boolean;
}

/** The tier as one load sees it, which began when this was made. */
export interface TierVisit {
  /** What is held of the keys. Failures are reported, and look as if nothing were held. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, TierRecord>>;
  /** Stores what the load found in the database, or found unchanged there; in the background. */
  store(key: string, version: number, record: object): void;
}

/** From the look at the database, or the announcement, to the write in the tier. */
const MAX_WRITE_DELAY_MS = 10_000;
/** An instance that stood still for longer may have announcements before it that the tier forgot long ago. */
const STANDSTILL_MS = 5000;
const BEAT_MS = 1000;
/** Longer than a write may be delayed. */
const MINIMUM_VERSION_PERIOD_MS = 15_000;
const MAX_QUEUED_WRITES = 20_000;
const WRITES_PER_CALL = 200;
const KEYS_PER_READ = 500;
/** How far the clocks of two instances may be apart, as they know the clock of the tier. */
const CLOCK_TOLERANCE_MS = 1000;

/** An instance's part in a generation; given up as soon as it cannot vouch for everything any more. */
interface Membership {
  generation: string;
  /** What it asked the others, to find out whether they have an older generation to join. */
  question: string | null;
}

interface QueuedWrite extends TierWrite {
  readonly isAnnounced: boolean;
  readonly onWritten?: () => void;
}

/**
 * Records kept where several instances and their successors find them, behind the cache of each.
 *
 * An entry carries the generation that vouches for it. The members of a generation heard of every change since it began
 * and wrote each into the tier, so a member may take what its own generation wrote as it is: it is at least as new as the
 * last change the member has heard of. Anything else is to be checked against the database. A member that missed a change,
 * or failed to write one, founds a generation of its own, of which the tier holds nothing yet.
 *
 * To join an older generation it asks the others. A member answers once it has written all changes announced before the
 * question, and proves it by a key that the asker finds in the tier; the changes after the question the asker wrote itself.
 *
 * Writes may arrive late and out of order. The tier compares versions, and keeps what refuses an old one for longer than a
 * write may be late.
 */
export class SecondTier {
  readonly #tier: Tier;
  readonly #keyPrefix: () => string;
  readonly #send: (message: TierMessage) => Promise<void>;
  readonly #ttlMs: number;
  readonly #onError: (error: unknown) => void;
  readonly #clock: Clock;
  readonly #instance = randomUUID();
  readonly #minimumVersions: MinimumVersions;
  readonly #counters: LayerCounters = { hits: 0, misses: 0, size: 0, evictions: 0 };
  #membership: Membership | null = null;
  #isListening = false;
  #isUp = false;
  #queue: QueuedWrite[] = [];
  #isFlushing = false;
  #lastBeatMs: number;
  #discardedAtMs = Number.NEGATIVE_INFINITY;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: SecondTierOptions) {
    this.#tier = options.tier;
    const { keyPrefix } = options;
    this.#keyPrefix = typeof keyPrefix === 'string' ? () => keyPrefix : keyPrefix;
    this.#send = options.send;
    this.#ttlMs = 1000 * (options.ttlSeconds ?? 300);
    this.#onError = options.onError ?? (() => {});
    this.#clock = options.clock ?? { now: () => performance.now() };
    this.#lastBeatMs = this.#clock.now();
    this.#minimumVersions = new MinimumVersions(MINIMUM_VERSION_PERIOD_MS, this.#lastBeatMs);
  }

  start(): void {
    this.#heartbeat = setInterval(() => this.heartbeat(), BEAT_MS).unref();
    this.#tier.start({
      onUp: () => {
        this.#isUp = true;
        this.rejoin();
      },
      onDown: (reason) => {
        this.#isUp = false;
        this.#leave();
        this.#onError(reason);
      },
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#isUp = false;
    this.#leave();
    await this.#tier.close();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** What vouches for what this instance writes; `null` while the tier is of no use. */
  get generation(): string | null {
    return this.#membership?.generation ?? null;
  }

  /** Reads that found a record to use, and others. */
  get counters(): Readonly<LayerCounters> {
    return this.#counters;
  }

  /** Every change is announced from now on. What came before that may have been missed. */
  listen(): void {
    this.#isListening = true;
    this.rejoin();
  }

  /** Changes may be passing unheard from now on. */
  suspend(): void {
    this.#isListening = false;
    this.#leave();
  }

  /** Takes nothing as it is that was written until now. */
  renew(): void {
    this.#leave();
    if (this.#isListening && this.#isUp) this.#membership = { generation: newGeneration(), question: null };
  }

  /**
   * Uses nothing that was written until now, not even what the database says is unchanged: who clears a cache may do so
   * because rows were changed behind the back of the triggers that count versions.
   */
  discard(): void {
    this.#discardedAtMs = this.#clock.now();
    this.renew();
  }

  /**
   * As `renew`, on hearing of something that made all instances distrust what they had written. To be called as the messages
   * are heard, so that those who answer have heard it too.
   */
  rejoin(): void {
    this.renew();
    this.#askSoon();
  }

  /** Notes what was announced and writes it into the tier, whether or not it is held there. */
  announce(records: Announcement['records']): void {
    const membership = this.#current();
    for (const { key, version, value } of records) {
      // Of a deletion the last version is announced, which is then as old as any other.
      this.#minimumVersions.raise(key, value === null ? version + 1 : version);
      if (!membership) continue;
      const nowMs = this.#tier.nowMs();
      const u = value ? nowMs + this.#ttlMs : nowMs;
      const entry = { v: version, g: membership.generation, u, r: value as object | null | undefined };
      this.#enqueue({ key: this.#fullKey(key), entry, notAfterMs: nowMs + MAX_WRITE_DELAY_MS, isAnnounced: true });
    }
  }

  /** Notes what a reader may see, found in the database: absent (`null`) or in a version. The tier may be behind it. */
  observeVersion(key: string, version: number | null): void {
    this.#minimumVersions.raise(key, version ?? Number.POSITIVE_INFINITY);
  }

  /** To be called when a load begins. `null` while the tier is of no use. */
  visit(): TierVisit | null {
    const membership = this.#current();
    if (!membership) return null;
    const { generation } = membership;
    const nowMs = this.#tier.nowMs();
    // A version that is unchanged does not make the content that was read with it any younger.
    const untilMs = new WeakMap<object, number>();
    return {
      read: (keys) => this.#read(keys, generation, untilMs),
      store: (key, version, record) => {
        if (!this.#membership) return;
        const entry = { v: version, g: generation, u: untilMs.get(record) ?? nowMs + this.#ttlMs, r: record };
        this.#enqueue({ key: this.#fullKey(key), entry, notAfterMs: nowMs + MAX_WRITE_DELAY_MS, isAnnounced: false });
      },
    };
  }

  /** Hears what an instance, this one included, said to all. */
  receive(message: TierMessage): void {
    const membership = this.#current();
    if (!membership || message.from === this.#instance) return;
    if (message.command === 'sync') this.#answer(message.question, membership);
    else if (message.question === membership.question) void this.#join(message, membership);
  }

  /** A sign that the process did not stand still; `start` sees to it that there is one every second. */
  heartbeat(): void {
    this.#current();
    this.#lastBeatMs = this.#clock.now();
    if (!this.#isFlushing) this.#minimumVersions.forgetOld(this.#lastBeatMs);
  }

  /** The membership, if it holds: after a standstill it does not. */
  #current(): Membership | null {
    if (this.#membership && this.#clock.now() - this.#lastBeatMs > STANDSTILL_MS) {
      this.#lastBeatMs = this.#clock.now();
      this.rejoin();
    }
    return this.#membership;
  }

  // What waits to be written is dropped: it mattered to the generation that is left, and its members write it too.
  #leave(): void {
    this.#membership = null;
    this.#queue = [];
  }

  // When all who hear the same message have acted on it.
  #askSoon(): void {
    queueMicrotask(() => {
      if (!this.#membership || this.#membership.question !== null) return;
      this.#membership.question = randomUUID();
      this.#tell({ command: 'sync', question: this.#membership.question, from: this.#instance });
    });
  }

  #answer(question: string, membership: Membership): void {
    const { generation } = membership;
    const nowMs = this.#tier.nowMs();
    this.#enqueue({
      key: this.#proofKey(question, this.#instance),
      entry: { v: 0, g: generation, u: nowMs },
      notAfterMs: nowMs + MAX_WRITE_DELAY_MS,
      isAnnounced: false,
      // In the order of the queue: whatever was announced before the question is written by then.
      onWritten: () => {
        if (membership.generation !== generation) return;
        this.#tell({ command: 'synced', question, from: this.#instance, generation });
      },
    });
  }

  /** Of two generations the older one goes on, so that all end up in one. */
  async #join({ question, from, generation }: TierMessage & { command: 'synced' }, membership: Membership) {
    if (generation >= membership.generation) return;
    const [proof] = await this.#readTier([this.#proofKey(question, from)]);
    if (generation >= membership.generation) return;
    // Without the proof they write elsewhere: to another server, or under another prefix.
    if (parseTierEntry(proof ?? null)?.g === generation) membership.generation = generation;
  }

  async #read(
    keys: readonly string[],
    generation: string,
    untilMs: WeakMap<object, number>,
  ): Promise<ReadonlyMap<string, TierRecord>> {
    const texts = await this.#readTier(keys.map((key) => this.#fullKey(key)));
    const nowMs = this.#tier.nowMs();
    const discardedAtMs = nowMs - (this.#clock.now() - this.#discardedAtMs) + CLOCK_TOLERANCE_MS;
    const found = new Map<string, TierRecord>();
    keys.forEach((key, index) => {
      const entry = parseTierEntry(texts[index] ?? null);
      // A tombstone tells that an older version is gone, not that there is no row: it may have been made again.
      const isUsable =
        entry?.r && entry.u > nowMs && entry.v >= this.#minimumVersions.of(key) && versionOf(entry.r) === entry.v;
      if (!isUsable) return;
      const isCurrent = entry.g === generation;
      if (!isCurrent && entry.u - this.#ttlMs <= discardedAtMs) return;
      found.set(key, { record: entry.r!, version: entry.v, isCurrent });
      untilMs.set(entry.r!, entry.u);
    });
    this.#counters.hits += found.size;
    this.#counters.misses += keys.length - found.size;
    return found;
  }

  async #readTier(keys: readonly string[]): Promise<(string | null)[]> {
    try {
      const texts: (string | null)[] = [];
      for (let start = 0; start < keys.length; start += KEYS_PER_READ) {
        texts.push(...(await this.#tier.read(keys.slice(start, start + KEYS_PER_READ))));
      }
      return texts;
    } catch {
      // The tier has told why it is down.
      return [];
    }
  }

  #enqueue(write: QueuedWrite): void {
    if (this.#queue.length >= MAX_QUEUED_WRITES) {
      // The tier cannot keep up. What is dropped is not vouched for any more.
      this.rejoin();
      return;
    }
    this.#queue.push(write);
    if (!this.#isFlushing) void this.#flush();
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true;
    // Not at once: what is announced together is written together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const membership = this.#membership;
      const writes = this.#queue.splice(0, WRITES_PER_CALL);
      try {
        const results = await this.#tier.write(writes);
        if (this.#membership === membership) this.#finish(writes, results);
      } catch {
        // A tier that went down has ended the membership already.
        if (this.#membership === membership && membership) this.rejoin();
      }
    }
    this.#isFlushing = false;
  }

  #finish(writes: readonly QueuedWrite[], results: readonly TierWriteResult[]): void {
    if (writes.some(({ isAnnounced }, index) => isAnnounced && results[index] === 'late')) {
      this.#tier.restart(new Error('A change was written too late into the second cache tier.'));
      return;
    }
    writes.forEach(({ onWritten }, index) => {
      if (results[index] === 'written') onWritten?.();
    });
  }

  #tell(message: TierMessage): void {
    this.#send(message).catch(this.#onError);
  }

  #fullKey(key: string): string {
    return `${this.#keyPrefix()}:${key}`;
  }

  #proofKey(question: string, from: string): string {
    return this.#fullKey(`sync_${question}_${from}`);
  }
}

let latestMs = 0;

/** Sorts by the time it was made; in one process even when another was made in the same millisecond. */
function newGeneration(): string {
  latestMs = Math.max(Date.now(), latestMs + 1);
  return `${latestMs.toString(36).padStart(9, '0')}-${randomUUID()}`;
}

function versionOf(record: object): unknown {
  return (record as { version?: unknown }).version;
}
