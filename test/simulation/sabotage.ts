import { InFlightLoads } from '../../src/cache/in-flight-loads.ts';
import { Cache } from '../../src/cache/index.ts';
import type { GenerationTier } from '../../src/cache/redis/generation-tier.ts';
import { MinimumVersions } from '../../src/cache/redis/minimum-versions.ts';
import type { ChangeFeed } from '../../src/changes/index.ts';
import { SummaryState } from '../../src/collections/reading/summary-state.ts';
import type { Random } from '../coherence/random.ts';
import { desks } from '../collections/desks.ts';
import type { Climate } from './climate.ts';
import type { VirtualTime } from './virtual-time.ts';

interface InstanceParts {
  readonly cache: Cache;
  readonly feed: ChangeFeed;
  readonly tier: GenerationTier | undefined;
  readonly time: VirtualTime;
  readonly random: Random;
}

/** A promise that the simulation breaks on purpose, to prove that it notices. */
export interface Sabotage {
  /** Conditions without which the fault could not show. */
  readonly climate?: Partial<Climate>;
  readonly hasNoEcho?: boolean;
  /** Which payloads are delivered. */
  readonly filter?: (random: Random) => (payload: string) => boolean;
  readonly onInstance?: (parts: InstanceParts) => void;
  /** Replaces methods, and returns a function that puts them back. */
  readonly install?: () => () => void;
}

const LISTS_SHOW: Partial<Climate> = { burst: 20, maxEntries: 1000, ttlSeconds: 300 };

export const SABOTAGES = {
  none: {},
  // Loads store and share their results, no matter what changed while they ran.
  'no-fence': {
    install: () =>
      replaceAll(InFlightLoads.prototype, {
        mayStoreResult: () => true,
        mayPrime: () => true,
        invalidateKey() {},
        announceTagged() {},
        invalidateKeys() {},
        invalidateAll() {},
      }),
  },
  // The cache serves its entries before, during and after a gap.
  'ignore-gaps': { onInstance: ({ cache }) => void replaceAll(cache, { suspend() {}, resume() {} }) },
  // The feed trusts a connection that answers, whether or not it delivers.
  'no-echo': { hasNoEcho: true, climate: { faultPeriodsMs: { deafen: 2000 }, ownWrites: 0, writePeriodMs: 40 } },
  // One announcement of fifty never arrives.
  'lost-announcements': { filter: (random) => (payload) => !payload.includes('"table"') || !random.chance(0.02) },
  // Announcements are acknowledged at once and applied later.
  'late-announcements': {
    onInstance: ({ cache, time }) =>
      void replaceAll(cache, {
        announce: (announcement) => void time.after(20, () => Cache.prototype.announce.call(cache, announcement)),
      }),
  },
  // Writes are answered before the instance has heard of them.
  'no-wait': {
    climate: { ownWrites: 0.9 },
    onInstance: ({ feed }) => void replaceAll(feed, { waitUntilApplied: async () => {} }),
  },
  // A change of the kind drops no list.
  'lax-lists': {
    climate: LISTS_SHOW,
    onInstance: ({ cache }) =>
      void replaceAll(cache, {
        announce: ({ tags, ...rest }) =>
          Cache.prototype.announce.call(cache, { ...rest, tags: tags.filter((tag) => !tag.endsWith(' kind')) }),
      }),
  },
  // A deletion drops no page.
  'lax-deletions': {
    climate: LISTS_SHOW,
    install: () => {
      const isPageAffected = desks.isPageAffected.bind(desks);
      return replaceAll(desks, {
        isPageAffected: (list, page, change) =>
          (change as { new: unknown } | null)?.new !== null && isPageAffected(list, page, change),
      });
    },
  },
  // A page from the end of a list is dropped as if it were one from the start.
  'one-sided-pages': {
    climate: LISTS_SHOW,
    install: () => {
      const isPageAffected = desks.isPageAffected.bind(desks);
      return replaceAll(desks, {
        isPageAffected: (list, page, change) => isPageAffected({ ...list, from: 'START' }, page, change),
      });
    },
  },
  // No change drops a count.
  'old-counts': { install: () => replaceAll(desks, { isCountAffected: () => false }) },
  // No change reaches a summary.
  'old-summaries': {
    install: () =>
      replaceAll(SummaryState.prototype, {
        next(this: SummaryState) {
          return this.summary;
        },
      }),
  },
  // A change that the statement of a summary has seen is applied once more when it is announced.
  'counted-twice': {
    climate: { ...LISTS_SHOW, slowness: 0.3, writePeriodMs: 5 },
    install: () => {
      const { next } = SummaryState.prototype;
      return replaceAll(SummaryState.prototype, {
        next(this: SummaryState, change) {
          this.snapshot.sees = () => false;
          return next.call(this, change);
        },
      });
    },
  },
  // Changes are neither written to the second tier nor remembered for later reads from it.
  'old-redis': {
    climate: { hasTier: true, maxEntries: 8 },
    onInstance: ({ tier }) => void replaceAll(tier!, { announce() {} }),
  },
  // The second tier returns versions that are older than those the instance has heard of.
  'tier-ignores-versions': {
    climate: { hasTier: true, maxEntries: 8, bigRows: 0.5 },
    install: () => replaceAll(MinimumVersions.prototype, { of: () => 0 }),
  },
  // One load of a thousand never ends.
  'endless-loads': {
    climate: { readPeriodMs: 100, burst: 10 },
    onInstance: ({ cache, random }) =>
      void replaceAll(cache, {
        readMany: (...args: Parameters<Cache['readMany']>) =>
          random.chance(0.001) ? new Promise<never>(() => {}) : Cache.prototype.readMany.apply(cache, args),
      } as Partial<Cache>),
  },
} satisfies Readonly<Record<string, Sabotage>>;

export type SabotageName = keyof typeof SABOTAGES;

/** @throws {Error} when a method does not exist, because a sabotage without effect would prove nothing */
function replaceAll<Owner extends object>(owner: Owner, methods: Partial<Owner> & ThisType<Owner>): () => void {
  const restores = Object.entries(methods).map(([name, method]) => {
    const original = Reflect.get(owner, name);
    if (typeof original !== 'function') throw new Error(`There is no method ${name} to replace.`);
    const isOwn = Object.hasOwn(owner, name);
    Reflect.set(owner, name, method);
    return () => (isOwn ? Reflect.set(owner, name, original) : Reflect.deleteProperty(owner, name));
  });
  return () => {
    for (const restore of restores) restore();
  };
}
