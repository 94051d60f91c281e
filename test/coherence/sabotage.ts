/*
 * Breaks one promise of the built server on purpose, to prove that the checker notices. Only the checker preloads this
 * module, and only this module reads COHERENCE_SABOTAGE.
 */

type Method = (...args: any[]) => any;

const SABOTAGES: Record<string, () => Promise<void>> = {
  // InFlightLoads store and share their results, no matter what changed while they ran.
  'no-fence': async () => {
    const { InFlightLoads } = await import('../../dist/src/cache/in-flight-loads.js' as string);
    replace(InFlightLoads, 'mayStoreResult', () => true);
    replace(InFlightLoads, 'mayPrime', () => true);
    for (const name of ['invalidateKey', 'invalidateTagged', 'invalidateKeys', 'invalidateAll'])
      replace(InFlightLoads, name, () => {});
  },
  // The cache ignores a lost feed: it serves its entries before, during and after the gap.
  'ignore-gaps': async () => {
    const { Cache } = await import('../../dist/src/cache/cache.js' as string);
    replace(Cache, 'suspend', () => {});
    replace(Cache, 'resume', () => {});
  },
  // A change of the status drops no list.
  'lax-lists': async () => {
    const { Cache } = await import('../../dist/src/cache/cache.js' as string);
    const { announce } = Cache.prototype as { announce: Method };
    replace(Cache, 'announce', function (this: object, announcement: { readonly tags: readonly string[] }) {
      const tags = announcement.tags.filter((tag) => !tag.endsWith(' status'));
      return announce.call(this, { ...announcement, tags });
    });
  },
  // Changes are neither written to Redis nor remembered for later reads from Redis.
  'old-redis': async () => {
    const { GenerationTier } = await import('../../dist/src/cache/redis/generation-tier.js' as string);
    replace(GenerationTier, 'announce', () => {});
  },
};

/** @throws {Error} when the method does not exist, because a sabotage without effect would prove nothing */
function replace({ prototype }: { readonly prototype: Record<string, Method> }, name: string, method: Method): void {
  if (typeof prototype[name] !== 'function') throw new Error(`There is no method ${name} to replace.`);
  prototype[name] = method;
}

const sabotage = SABOTAGES[process.env.COHERENCE_SABOTAGE ?? ''];
if (!sabotage) throw new Error(`COHERENCE_SABOTAGE must be one of ${Object.keys(SABOTAGES).join(', ')}.`);
await sabotage();
