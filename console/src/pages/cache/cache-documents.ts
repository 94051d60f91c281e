import { graphql } from '../../graphql/index.ts';

graphql(`
  fragment CacheEntryFigures on CacheEntry {
    key
    layer
    bytes
    ageSeconds
    expiresInSeconds
    dependents
    hits
  }
`);

graphql(`
  fragment CacheRemovalCauses on CacheRemoval {
    key
    layer
    cause
    at
    dependency
    by
  }
`);

/** One document for the whole page: with several workers, its parts are then of the same one. */
export const CACHE = graphql(`
  query CachePage(
    $pattern: String!
    $layer: String
    $first: Int!
    $after: String
    $orderBy: CacheEntryOrder
    $causes: [CacheRemovalCause!]
  ) {
    cacheStats {
      hits
      misses
      size
      bytes
      evictions
      hitRatePercent
      layers {
        name
        hits
        misses
        size
        evictions
        hitRatePercent
      }
    }
    cacheEntries(pattern: $pattern, layer: $layer, first: $first, after: $after, orderBy: $orderBy) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        ...CacheEntryFigures
      }
    }
    cacheRemovals(pattern: $pattern, causes: $causes, first: 50) {
      ...CacheRemovalCauses
    }
  }
`);

export const ENTRY = graphql(`
  query CacheEntryDetails($key: String!, $pattern: String!) {
    cacheEntry(key: $key) {
      ...CacheEntryFigures
      version
      dependencies(first: 101)
    }
    cacheRemovals(pattern: $pattern, first: 50) {
      ...CacheRemovalCauses
      position
    }
  }
`);

export const INVALIDATE = graphql(`
  mutation InvalidateCache($pattern: String!, $dryRun: Boolean!) {
    invalidateCache(pattern: $pattern, dryRun: $dryRun) {
      message
      pattern
      entriesRemoved
      keys
    }
  }
`);

export const CLEAR = graphql(`
  mutation ClearCache {
    clearCache {
      message
      entriesRemoved
    }
  }
`);
