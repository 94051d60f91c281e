/*
 * Breaks one promise of the built server on purpose, to prove that the checker notices. Preloaded by nothing but the
 * checker, and the only reader of COHERENCE_SABOTAGE.
 */

type Method = (...args: any[]) => any;

const SABOTAGES: Record<string, () => Promise<void>> = {
  // InFlightLoads store and share what they brought, whatever changed while they ran.
  'no-fence': async () => {
    const { InFlightLoads } = await import('../../dist/src/cache/in-flight-loads.js' as string);
    replace(InFlightLoads, 'mayStoreResult', () => true);
    replace(InFlightLoads, 'mayPrime', () => true);
    for (const name of ['invalidateKey', 'invalidateTagged', 'invalidateKeys', 'invalidateAll'])
      replace(InFlightLoads, name, () => {});
  },
  // A lost feed goes unnoticed: what is held stays trusted, before, during and after the gap.
  'ignore-gaps': async () => {
    const { Cache } = await import('../../dist/src/cache/cache.js' as string);
    replace(Cache, 'distrust', () => {});
    replace(Cache, 'trust', () => {});
  },
  // A change of status drops no list.
  'lax-lists': async () => {
    const { Cache } = await import('../../dist/src/cache/cache.js' as string);
    const { announce } = Cache.prototype as { announce: Method };
    replace(Cache, 'announce', function (this: object, announcement: { readonly tags: readonly string[] }) {
      const tags = announcement.tags.filter((tag) => !tag.endsWith(' status'));
      return announce.call(this, { ...announcement, tags });
    });
  },
  // What changes is neither written to Redis nor remembered when something is read there.
  'old-redis': async () => {
    const { SecondTier } = await import('../../dist/src/cache/redis/second-tier.js' as string);
    replace(SecondTier, 'announce', () => {});
  },
};

/** @throws {Error} when there is no such method: a sabotage that does nothing would prove nothing */
function replace({ prototype }: { readonly prototype: Record<string, Method> }, name: string, method: Method): void {
  if (typeof prototype[name] !== 'function') throw new Error(`There is no method ${name} to replace.`);
  prototype[name] = method;
}

const sabotage = SABOTAGES[process.env.COHERENCE_SABOTAGE ?? ''];
if (!sabotage) throw new Error(`COHERENCE_SABOTAGE must be one of ${Object.keys(SABOTAGES).join(', ')}.`);
await sabotage();
