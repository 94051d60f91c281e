import type { Feature } from '../feature.ts';
import { CacheResolver } from './cache.resolver.ts';

export { CacheClearing } from './cache-clearing.ts';

/** What the cache of this instance holds, what left it lately, and clearing the caches of all instances. */
export const cacheFeature: Feature = { resolvers: [CacheResolver] };
