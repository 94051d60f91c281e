import { randomUUID } from 'node:crypto';
import type { AnnouncedRecord } from '../announcement.ts';
import type { Clock } from '../clock.ts';
import type { SecondTier, TierMessage, TierRecord, TierVisit } from '../second-tier.ts';
import type { LayerCounters } from '../store/stats.ts';
import { MinimumVersions } from './minimum-versions.ts';
import { parseTierEntry, type TierStore, type TierWrite, type TierWriteResult } from './tier-store.ts';

export interface GenerationTierOptions {
  readonly store: TierStore;
  /**
   * Prefix of every key; the tier touches no other key. Instances with the same prefix must share one database and one
   * schema. A function is not called before `start`.
   */
  readonly keyPrefix: string | (() => string);
  /** Sends a message to all instances, in one order with the announcements. */
  readonly send: (message: TierMessage) => Promise<void>;
  /** The version that a record was stored with. Default: its `version`. */
  readonly versionOf?: (record: object) => unknown;
  /** Seconds for which a record is used without a new look at the database. Default 300. */
  readonly ttlSeconds?: number;
  /** Receives the faults of `send`, and why the store is down: each reason once, until it is up again. */
  readonly onError?: (error: unknown) => void;
  /** Must never go back. Default: the monotonic clock of the process. */
  readonly clock?: Clock;
}

/** The time from the query, or the announcement, to the write in the store. */
const MAX_WRITE_DELAY_MS = 10_000;
/** After a longer pause of the process, announcements may be waiting whose guards the store has dropped. */
const MAX_PAUSE_MS = 5000;
const HEARTBEAT_MS = 1000;
/** Longer than `MAX_WRITE_DELAY_MS`. */
const MINIMUM_VERSION_PERIOD_MS = 15_000;
const MAX_QUEUED_WRITES = 20_000;
const WRITES_PER_CALL = 200;
const KEYS_PER_READ = 500;
/** The largest difference between two instances' readings of the store's clock. */
const CLOCK_TOLERANCE_MS = 1000;

/** This instance's membership in a generation. It ends when the instance may have missed a change or failed to write one. */
interface Membership {
  generation: string;
  /** The id of the `sync` message that this instance sent to find an older generation. */
  question: string | null;
}

interface QueuedWrite extends TierWrite {
  readonly isAnnounced: boolean;
  readonly onWritten?: () => void;
}

/**
 * The second tier's protocol, independent of the store.
 *
 * Every stored entry names a generation. The members of a generation have applied every change since the generation began
 * and have written each into the store. A member may therefore use what its own generation wrote without a check: it is at
 * least as new as the last change the member has applied. Other entries are compared with the database first. A member
 * that missed a change, or failed to write one, founds a new generation, of which the store holds nothing yet.
 *
 * While an instance was suspended, its reads and its answered writes may have been ahead of the announcements that it receives
 * after `resume`. Until its own `sync` message has come back, after all of these, it checks what they wrote, too.
 *
 * To join an older generation, an instance sends `sync`. A member answers after it has written all changes that were
 * announced before the question, and proves that by a key which the asking instance finds in the store. The asking
 * instance wrote the changes after the question itself.
 *
 * Writes may arrive late and out of order. The store compares versions, and keeps what refuses an old version for longer
 * than a write may be late.
 */
export class GenerationTier implements SecondTier {
  readonly #store: TierStore;
  readonly #keyPrefix: () => string;
  readonly #send: (message: TierMessage) => Promise<void>;
  readonly #versionOf: (record: object) => unknown;
  readonly #ttlMs: number;
  readonly #onError: (error: unknown) => void;
  readonly #clock: Clock;
  readonly #instance = randomUUID();
  readonly #minimumVersions: MinimumVersions;
  readonly #counters: LayerCounters = { hits: 0, misses: 0, size: 0, evictions: 0 };
  #membership: Membership | null = null;
  #isListening = false;
  /** Whether everything that was committed before the last `resume` has been announced to this instance. */
  #hasCaughtUp = false;
  #isUp = false;
  #reasonOfLoss: string | null = null;
  #queue: QueuedWrite[] = [];
  #isFlushing = false;
  #lastHeartbeatMs: number;
  #discardedAtMs = Number.NEGATIVE_INFINITY;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: GenerationTierOptions) {
    this.#store = options.store;
    const { keyPrefix } = options;
    this.#keyPrefix = typeof keyPrefix === 'string' ? () => keyPrefix : keyPrefix;
    this.#send = options.send;
    this.#versionOf = options.versionOf ?? ((record) => (record as { readonly version?: unknown }).version);
    this.#ttlMs = 1000 * (options.ttlSeconds ?? 300);
    this.#onError = options.onError ?? (() => {});
    this.#clock = options.clock ?? { now: () => performance.now() };
    this.#lastHeartbeatMs = this.#clock.now();
    this.#minimumVersions = new MinimumVersions(MINIMUM_VERSION_PERIOD_MS, this.#lastHeartbeatMs);
  }

  start(): void {
    this.#heartbeat = setInterval(() => this.heartbeat(), HEARTBEAT_MS).unref();
    this.#store.start({
      onUp: () => {
        this.#isUp = true;
        this.#reasonOfLoss = null;
        this.rejoin();
      },
      onDown: (reason) => {
        this.#isUp = false;
        this.#leave();
        // Each attempt to connect again fails, mostly for the same reason.
        if (String(reason) !== this.#reasonOfLoss) this.#onError(reason);
        this.#reasonOfLoss = String(reason);
      },
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#isUp = false;
    this.#leave();
    await this.#store.close();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get generation(): string | null {
    return this.#membership?.generation ?? null;
  }

  get counters(): Readonly<LayerCounters> {
    return this.#counters;
  }

  resume(): void {
    this.#isListening = true;
    this.rejoin();
  }

  suspend(): void {
    this.#isListening = false;
    this.#hasCaughtUp = false;
    this.#leave();
  }

  /** Founds a new generation: nothing that was written before is used without a check. */
  renew(): void {
    this.#leave();
    if (this.#isListening && this.#isUp) this.#membership = { generation: newGeneration(), question: null };
  }

  // Even unchanged versions prove nothing here: an administrator may clear the cache because rows were changed while the
  // triggers that count versions were off.
  discard(): void {
    this.#discardedAtMs = this.#clock.now();
    this.renew();
  }

  rejoin(): void {
    this.renew();
    this.#askSoon();
  }

  // Written whether or not the store holds the key, so that instances which start later find it.
  announce(records: readonly AnnouncedRecord[]): void {
    const membership = this.#current();
    for (const { key, version, value } of records) {
      // A deletion announces the last version, which is outdated from then on.
      this.#minimumVersions.remember(key, value === null ? version + 1 : version);
      if (!membership) continue;
      const nowMs = this.#store.nowMs();
      const u = value ? nowMs + this.#ttlMs : nowMs;
      const entry = { v: version, g: membership.generation, u, r: value as object | null | undefined };
      this.#enqueue({ key: this.#fullKey(key), entry, notAfterMs: nowMs + MAX_WRITE_DELAY_MS, isAnnounced: true });
    }
  }

  observeVersion(key: string, version: number | null): void {
    this.#minimumVersions.remember(key, version ?? Number.POSITIVE_INFINITY);
  }

  visit(): TierVisit | null {
    const membership = this.#current();
    if (!membership) return null;
    const { generation } = membership;
    const nowMs = this.#store.nowMs();
    // Revalidating a record does not extend its life: the version could not show a change made without triggers.
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

  receive(message: TierMessage): void {
    const membership = this.#current();
    if (!membership) return;
    if (message.from === this.#instance) {
      // Sent after `resume`, and in one order with the announcements.
      if (message.question === membership.question) this.#hasCaughtUp = true;
    } else if (message.command === 'sync') this.#answer(message.question, membership);
    else if (message.question === membership.question) void this.#join(message, membership);
  }

  /** Notes that the process is running. `start` calls it every second; a longer pause ends the membership. */
  heartbeat(): void {
    this.#current();
    this.#lastHeartbeatMs = this.#clock.now();
    if (!this.#isFlushing) this.#minimumVersions.forgetOld(this.#lastHeartbeatMs);
  }

  /** The membership, which a pause of the process may have ended. */
  #current(): Membership | null {
    if (this.#membership && this.#clock.now() - this.#lastHeartbeatMs > MAX_PAUSE_MS) {
      this.#lastHeartbeatMs = this.#clock.now();
      this.rejoin();
    }
    return this.#membership;
  }

  // Drops the queue: the remaining members of the generation write the same changes.
  #leave(): void {
    this.#membership = null;
    this.#queue = [];
  }

  // In a microtask, after all listeners have handled the message that led here.
  #askSoon(): void {
    queueMicrotask(() => {
      if (!this.#membership || this.#membership.question !== null) return;
      this.#membership.question = randomUUID();
      this.#tell({ command: 'sync', question: this.#membership.question, from: this.#instance });
    });
  }

  #answer(question: string, membership: Membership): void {
    const { generation } = membership;
    const nowMs = this.#store.nowMs();
    this.#enqueue({
      key: this.#proofKey(question, this.#instance),
      entry: { v: 0, g: generation, u: nowMs },
      notAfterMs: nowMs + MAX_WRITE_DELAY_MS,
      isAnnounced: false,
      // The queue is in order, so every change announced before the question has been written.
      onWritten: () => {
        if (membership.generation !== generation) return;
        this.#tell({ command: 'synced', question, from: this.#instance, generation });
      },
    });
  }

  /** The older of two generations wins, so that all instances end up in one. */
  async #join({ question, from, generation }: TierMessage & { command: 'synced' }, membership: Membership) {
    if (generation >= membership.generation) return;
    const [proof] = await this.#readStore([this.#proofKey(question, from)]);
    if (generation >= membership.generation) return;
    // Without the proof, the other instance writes to another server or under another prefix.
    if (parseTierEntry(proof ?? null)?.g === generation) membership.generation = generation;
  }

  async #read(
    keys: readonly string[],
    generation: string,
    untilMs: WeakMap<object, number>,
  ): Promise<ReadonlyMap<string, TierRecord>> {
    const texts = await this.#readStore(keys.map((key) => this.#fullKey(key)));
    const nowMs = this.#store.nowMs();
    const discardedAtMs = nowMs - (this.#clock.now() - this.#discardedAtMs) + CLOCK_TOLERANCE_MS;
    const found = new Map<string, TierRecord>();
    keys.forEach((key, index) => {
      const entry = parseTierEntry(texts[index] ?? null);
      // A tombstone does not prove absence: the row may have been created again.
      const isUsable =
        entry?.r && entry.u > nowMs && entry.v >= this.#minimumVersions.of(key) && this.#versionOf(entry.r) === entry.v;
      if (!isUsable) return;
      const isCurrent = this.#hasCaughtUp && entry.g === generation;
      if (!isCurrent && entry.u - this.#ttlMs <= discardedAtMs) return;
      found.set(key, { record: entry.r!, version: entry.v, isCurrent });
      untilMs.set(entry.r!, entry.u);
    });
    this.#counters.hits += found.size;
    this.#counters.misses += keys.length - found.size;
    return found;
  }

  async #readStore(keys: readonly string[]): Promise<(string | null)[]> {
    try {
      const texts: (string | null)[] = [];
      for (let start = 0; start < keys.length; start += KEYS_PER_READ) {
        texts.push(...(await this.#store.read(keys.slice(start, start + KEYS_PER_READ))));
      }
      return texts;
    } catch {
      // The store has reported the failure through `onDown`.
      return [];
    }
  }

  #enqueue(write: QueuedWrite): void {
    if (this.#queue.length >= MAX_QUEUED_WRITES) {
      // The store cannot keep up. The dropped changes end the generation.
      this.rejoin();
      return;
    }
    this.#queue.push(write);
    if (!this.#isFlushing) void this.#flush();
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true;
    // In a microtask, so that changes announced together are written together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const membership = this.#membership;
      const writes = this.#queue.splice(0, WRITES_PER_CALL);
      try {
        const results = await this.#store.write(writes);
        if (this.#membership === membership) this.#finish(writes, results);
      } catch {
        // If the store went down, `onDown` has ended the membership already.
        if (this.#membership === membership && membership) this.rejoin();
      }
    }
    this.#isFlushing = false;
  }

  #finish(writes: readonly QueuedWrite[], results: readonly TierWriteResult[]): void {
    if (writes.some(({ isAnnounced }, index) => isAnnounced && results[index] === 'late')) {
      this.#store.restart(new Error('A change was written too late into the second cache tier.'));
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

/** Sorts by creation time, within one process even in the same millisecond. */
function newGeneration(): string {
  latestMs = Math.max(Date.now(), latestMs + 1);
  return `${latestMs.toString(36).padStart(9, '0')}-${randomUUID()}`;
}
