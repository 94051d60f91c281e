import { Arg, Args, Authorized, FieldResolver, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Role } from '../../auth/identity.ts';
import type { Cache, LoggedRemoval } from '../../cache/index.ts';
import type { ChangeLog } from '../../changes/index.ts';
import { ChangeOrigin } from '../../collections/index.ts';
import { checkDryRun } from '../../graphql/input-checks.ts';
import { PageArguments } from '../../graphql/page-arguments.ts';
import { LISTS } from '../../graphql/page-size.ts';
import { checkSize } from '../../graphql/pagination.ts';
import type { FeatureParts } from '../feature.ts';
import { CacheEntryOrder } from './cache.inputs.ts';
import {
  CacheEntry,
  CacheEntryConnection,
  CacheRemoval,
  CacheRemovalCause,
  ClearCacheResult,
  InvalidateCacheResult,
} from './cache.type.ts';
import { CacheClearing } from './cache-clearing.ts';
import { checkLayer, listEntries, present } from './entry-list.ts';

const ANY_KEY = '*';
const PATTERN = 'A glob over whole keys, as for `invalidateCache`.';
const HOW_MANY = 'How many, 1 to 500.';

@Resolver(() => CacheEntry)
export class CacheResolver {
  readonly #cache: Cache;
  readonly #clearing: CacheClearing;
  readonly #log: ChangeLog;
  /** Also those that nothing was read through yet. */
  readonly #layersOfCollections: readonly string[];

  constructor({ cache, collections, feed, instanceId, log, onError }: FeatureParts) {
    this.#cache = cache;
    this.#clearing = new CacheClearing({ cache, feed, instanceId, onError });
    this.#log = log;
    this.#layersOfCollections = collections.all.flatMap(({ definition }) => definition.layers);
  }

  @Authorized<Role>('ADMIN')
  @Query(() => CacheEntryConnection, {
    description: `What the cache of the instance that answers holds, a page at a time: without a layer, the entries that
\`invalidateCache\` selects with the same pattern. Cached responses are the layer \`responses\`. With several workers each
has a cache of its own: one connection stays with one worker. For admins.`,
  })
  cacheEntries(
    @Arg('pattern', () => String, { nullable: true, defaultValue: ANY_KEY, description: PATTERN })
    pattern: string | null,
    @Arg('layer', () => String, { nullable: true, description: 'Only those of this layer of `cacheStats`.' })
    layer: string | null,
    @Args(() => PageArguments) page: PageArguments,
    @Arg('orderBy', () => CacheEntryOrder, { nullable: true, description: 'The order; by key unless given.' })
    orderBy: CacheEntryOrder | null,
  ) {
    const { inspection } = this.#cache;
    if (layer != null) checkLayer(layer, [...this.#layersOfCollections, ...inspection.layers]);
    return listEntries(this.#cache, { ...page, pattern: pattern ?? ANY_KEY, layer, orderBy });
  }

  @Authorized<Role>('ADMIN')
  @Query(() => CacheEntry, {
    nullable: true,
    description:
      'The entry with this key in the cache of the instance that answers; null when it holds none. For admins.',
  })
  cacheEntry(@Arg('key', () => String, { description: 'The whole key.' }) key: string): CacheEntry | null {
    const entry = this.#cache.inspection.find(key);
    return entry ? present(entry, this.#cache.nowMs) : null;
  }

  @Authorized<Role>('ADMIN')
  @Query(() => [CacheRemoval], {
    description: `What left the cache of the instance that answers, the newest first. Of each cause the last 1,000 are
remembered. For admins.`,
  })
  async cacheRemovals(
    @Arg('pattern', () => String, { nullable: true, defaultValue: ANY_KEY, description: PATTERN })
    pattern: string | null,
    @Arg('causes', () => [CacheRemovalCause], {
      nullable: true,
      description: 'Only those for one of these causes; an empty list restricts nothing.',
    })
    causes: LoggedRemoval['cause'][] | null,
    @Arg('first', () => Int, { nullable: true, defaultValue: LISTS.cacheRemovals.usual, description: HOW_MANY })
    given: number | null,
  ): Promise<CacheRemoval[]> {
    const first = given ?? LISTS.cacheRemovals.usual;
    checkSize(first, 'first');
    const removals = await this.#cache.inspection.removals({
      pattern: pattern ?? ANY_KEY,
      causes: causes?.length ? causes : undefined,
      first,
    });
    return removals.map((removal) => this.#presentRemoval(removal));
  }

  @Authorized<Role>('ADMIN')
  @Mutation(() => ClearCacheResult, { description: 'Removes everything from the caches of all instances. For admins.' })
  clearCache(): Promise<ClearCacheResult> {
    return this.#clearing.clearCache();
  }

  @Authorized<Role>('ADMIN')
  @Mutation(() => InvalidateCacheResult, {
    description: 'Removes the entries whose keys a pattern selects, on all instances. For admins.',
  })
  invalidateCache(
    @Arg('pattern', () => String, {
      description: 'A glob over whole keys, such as `workstations_*`: * stands for anything, ? for one character.',
    })
    pattern: string,
    @Arg('dryRun', () => Boolean, {
      nullable: true,
      defaultValue: false,
      description: 'Whether to tell only what would be removed, and to remove nothing. null is refused.',
    })
    dryRun: boolean | null,
  ): Promise<InvalidateCacheResult> {
    return checkDryRun(dryRun) ? this.#clearing.previewInvalidation(pattern) : this.#clearing.invalidateCache(pattern);
  }

  @FieldResolver(() => [String], {
    description: `The keys of the entries that a cached response was made from: when the first of them leaves or is replaced, the
response goes. None for other entries: they come from the database.`,
  })
  dependencies(
    @Root() { keysOfDependencies }: CacheEntry,
    @Arg('first', () => Int, { nullable: true, defaultValue: LISTS.dependencies.usual, description: HOW_MANY })
    given: number | null,
  ): readonly string[] {
    const first = given ?? LISTS.dependencies.usual;
    checkSize(first, 'first');
    return keysOfDependencies().slice(0, first);
  }

  #presentRemoval({ key, layer, cause, atMs, dependency, origin }: LoggedRemoval): CacheRemoval {
    return {
      key,
      layer,
      cause,
      at: new Date(atMs),
      dependency: dependency ?? null,
      by: origin === undefined ? null : String(origin),
      position: origin instanceof ChangeOrigin ? this.#log.positionIn(origin.announced, origin.rows) : null,
    };
  }
}
