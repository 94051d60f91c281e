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
    for (const name of ['invalidateKey', 'announceTagged', 'invalidateKeys', 'invalidateAll'])
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
  // The feed is believed whatever it hears, or does not hear: echoes, restores, the wait for a writer's own announcement.
  'keep-feed': async () => {
    const { ChangeFeed } = await import('../../dist/src/changes/change-feed.js' as string);
    const { HeardTransactions } = await import('../../dist/src/changes/heard-transactions.js' as string);
    const { Lineage } = await import('../../dist/src/database/lineage.js' as string);
    replace(ChangeFeed, 'lose', () => {});
    replace(Lineage, 'confirm', async () => {});
    replace(Lineage, 'isForeign', () => false);
    const { wait } = HeardTransactions.prototype as { wait: Method };
    replace(HeardTransactions, 'wait', function (this: object, xid: string, scope: string, onHeard: () => void) {
      wait.call(this, xid, scope, onHeard);
      setTimeout(onHeard, 1500).unref();
    });
  },
  // A read does not wait for the position that it carries.
  'ignore-positions': async () => {
    const { Positions } = await import('../../dist/src/changes/positions.js' as string);
    replace(Positions, 'reach', () => true);
  },
  // One execution of a live query of ten never happens.
  'lose-live-updates': async () => {
    const { ExecutionQueue } = await import('../../dist/src/operations/live/execution-queue.js' as string);
    const { enter } = ExecutionQueue.prototype as { enter: Method };
    let entered = 0;
    replace(ExecutionQueue, 'enter', function (this: object, run: () => Promise<void>) {
      entered += 1;
      if (entered % 10 !== 0) enter.call(this, run);
    });
  },
  // The end of a gap makes no live query anew.
  'keep-live-answers': async () => {
    const { LiveQueries } = await import('../../dist/src/operations/live/live-queries.js' as string);
    replace(LiveQueries, 'resume', () => {});
  },
  // A subscription that resumes leaves out the first message that it missed.
  'lose-replayed-changes': async () => {
    const { ChangeLog } = await import('../../dist/src/changes/change-log.js' as string);
    const { readAfter } = ChangeLog.prototype as { readAfter: Method };
    replace(ChangeLog, 'readAfter', function (this: object, position: string) {
      const reader = readAfter.call(this, position);
      reader?.next();
      return reader;
    });
  },
  // No position is known, so that every subscription that resumes is told to fetch again.
  'forget-positions': async () => {
    const { ChangeLog } = await import('../../dist/src/changes/change-log.js' as string);
    replace(ChangeLog, 'readAfter', () => null);
  },
  // A standby is taken for a primary.
  'read-standbys': async () => {
    const { DatabaseClient } = await import('../../dist/src/database/connection/database-client.js' as string);
    const { query } = DatabaseClient.prototype as { query: Method };
    replace(DatabaseClient, 'query', function (this: object, config: any, ...rest: any[]) {
      const text: unknown = config?.text;
      if (typeof text !== 'string' || !text.includes('pg_is_in_recovery() as'))
        return query.call(this, config, ...rest);
      return query.call(this, { ...config, text: text.replace('pg_is_in_recovery() as', 'false as') }, ...rest);
    });
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
