import type { Cache, Picked, ServedSample } from '../cache/index.ts';
import type { ChangeFeed } from '../changes/index.ts';
import type { Found, Identified, Reread, Rereads } from '../collections/index.ts';
import { systemTimers, type Timers } from '../timers.ts';

/**
 * What came before a stale value: the `announcement` of what replaces it, which the cache did not apply; or `silence`, because
 * no such announcement was heard. Of lists, counts and summaries that is `unknown`.
 */
export type StaleAfter = 'announcement' | 'silence' | 'unknown';

/** Counted since the start. */
export interface AuditFigures {
  /** Values that were compared with the database. */
  readonly audited: number;
  /** Those of them that were older than what had been announced, or should have been. */
  readonly stale: Readonly<Record<StaleAfter, number>>;
}

/** What an audit counts that never runs. */
export const NOTHING_AUDITED: AuditFigures = { audited: 0, stale: { announcement: 0, silence: 0, unknown: 0 } };

/** The stale values of one round. */
export interface StaleFindings {
  readonly count: number;
  /** A few of them. The versions are those in the cache and in the database; of lists, counts and summaries they are `undefined`. */
  readonly examples: readonly {
    readonly key: string;
    readonly after: StaleAfter;
    readonly served: number | null | undefined;
    readonly stored: number | null | undefined;
  }[];
}

export interface CacheAuditOptions {
  readonly sample: ServedSample;
  readonly cache: Pick<Cache, 'delete' | 'secondTier'>;
  readonly collections: { readonly all: readonly { readonly rereads: Pick<Rereads<Identified>, 'of'> }[] };
  readonly feed: Pick<ChangeFeed, 'state' | 'gaps' | 'proveNow'>;
  /** Whether the database is so busy that the audit must wait. */
  readonly isBusy: () => boolean;
  /** Called once for each round that found something. */
  readonly onStale: (findings: StaleFindings) => void;
  /** Receives what made a round fail. */
  readonly onError: (error: unknown) => void;
  /** Default: Node's timers. */
  readonly timers?: Timers;
}

const ROUND_MS = 1000;
/** One more is the echo at the end of a round. */
const MAX_STATEMENTS = 9;
/** For how many times the time of its statements an audit rests: it takes a twentieth of one connection at most. */
const RESTS = 19;
const MAX_REST_MS = 20_000;
const MAX_EXAMPLES = 5;
const MAX_KEY_LENGTH = 200;

/**
 * Compares some of what the cache serves with the database, in rounds.
 *
 * A round asks the database, then waits for an echo: by then everything has been heard that the statements could see. What the
 * cache still holds, and the database has otherwise, is stale: its change was announced and not applied, or not announced.
 * What has left the cache meanwhile says nothing, except of a record that was older than its announcement when it was picked.
 */
export class CacheAudit {
  readonly #options: CacheAuditOptions;
  readonly #timers: Timers;
  readonly #stale: Record<StaleAfter, number> = { ...NOTHING_AUDITED.stale };
  #audited = 0;
  #isStopped = false;
  #cancel = () => {};

  constructor(options: CacheAuditOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
  }

  get figures(): AuditFigures {
    return { audited: this.#audited, stale: { ...this.#stale } };
  }

  /** Begins a round every second, or less often where the database is slow, until `stop`. */
  start(): void {
    this.#next(ROUND_MS);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #next(delayMs: number): void {
    if (this.#isStopped) return;
    this.#cancel = this.#timers.after(delayMs, async () => {
      const tookMs = await this.round();
      this.#next(Math.min(Math.max(ROUND_MS, RESTS * tookMs), MAX_REST_MS));
    });
  }

  /**
   * One round. It does nothing while the feed is not live or the database has no connection to spare. Never rejects.
   * @returns how long its statements took, in milliseconds
   */
  async round(): Promise<number> {
    const { feed, onError, sample } = this.#options;
    if (feed.state !== 'live' || this.#options.isBusy()) return 0;
    const { gaps } = feed;
    const picked = sample.take();
    const startedAtMs = this.#timers.now();
    let tookMs = 0;
    try {
      const found = await this.#askDatabase(picked);
      tookMs = this.#timers.now() - startedAtMs;
      if (found.length > 0) await feed.proveNow();
      if (!this.#isStopped && feed.state === 'live' && feed.gaps === gaps) this.#judge(found, picked);
    } catch (error) {
      if (!this.#isStopped) onError(error);
    }
    return tookMs;
  }

  async #askDatabase(picked: Picked): Promise<Found[]> {
    const { collections, isBusy } = this.#options;
    const entries = [...picked.keys()];
    const found: Found[] = [];
    for (const reread of inOrder(collections.all.flatMap(({ rereads }) => rereads.of(entries))).slice(
      0,
      MAX_STATEMENTS,
    )) {
      if (this.#isStopped || isBusy()) break;
      found.push(...(await reread.run()));
    }
    return found;
  }

  #judge(found: readonly Found[], picked: Picked): void {
    const { cache, onStale } = this.#options;
    const examples: StaleFindings['examples'][number][] = [];
    let count = 0;
    for (const each of found) {
      const { entry, isSame, version } = each;
      // Confirmed by the database, because a new row can have an old one's id.
      const wasBehind = picked.get(entry) === true && (version ?? 0) > (entry.version ?? 0);
      if (!wasBehind && !entry.isHeld) continue;
      this.#audited += 1;
      if (!wasBehind && isSame) continue;
      const after = wasBehind ? 'announcement' : this.#causeOf(each);
      this.#stale[after] += 1;
      count += 1;
      if (entry.isHeld) cache.delete(entry.key, 'the audit, which found it stale');
      const key = entry.key.slice(0, MAX_KEY_LENGTH);
      if (count <= MAX_EXAMPLES) examples.push({ key, after, served: entry.version, stored: version });
    }
    if (count === 0) return;
    // From there the next load would take it.
    cache.secondTier?.discard();
    onStale({ count, examples });
  }

  #causeOf({ entry, version }: Found): StaleAfter {
    if (version === undefined) return 'unknown';
    const isNewer = version !== entry.version;
    return isNewer && this.#options.sample.wasAnnounced(entry.key, version) ? 'announcement' : 'silence';
  }
}

/** Records first: one statement compares hundreds. Of summaries one, because it reads the whole table. */
function inOrder(rereads: readonly Reread[]): Reread[] {
  const those = (kind: Reread['of']) => rereads.filter(({ of }) => of === kind);
  return [...those('records'), ...those('summary').slice(0, 1), ...those('list')];
}
