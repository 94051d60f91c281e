import { Field, Float, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { LoggedRemoval, RemovalCause } from '../../cache/index.ts';
import { connectionOf } from '../../graphql/connection-type.ts';
import { DateTime } from '../../graphql/scalars.ts';

@ObjectType({
  simpleResolvers: true,
  description: 'One entry of the cache of this instance, as it was when the answer was made.',
})
export class CacheEntry {
  @Field(() => String, {
    description: 'Its key; of a cached response, the roles of those who get it and the text of the request.',
  })
  key!: string;

  @Field(() => String, { description: 'Its layer, as in `cacheStats`.' })
  layer!: string;

  @Field(() => Int, { description: 'Memory it takes, approximately.' })
  bytes!: number;

  @Field(() => Float, { description: 'Seconds since it was stored.' })
  ageSeconds!: number;

  @Field(() => Float, { description: 'Seconds until it expires; 0 if it has, and was not removed yet.' })
  expiresInSeconds!: number;

  @Field(() => Int, {
    nullable: true,
    description: 'The version of a cached row, which rises with every edit of it; null for anything else.',
  })
  version!: number | null;

  @Field(() => Int, { description: 'Cached responses and live queries that were made from it, and go when it does.' })
  dependents!: number;

  @Field(() => Float, {
    description: `Reads that it answered since it was stored. Those of a cached response count there, and not for the entries
that it was made from.`,
  })
  hits!: number;

  /** Not shown; see `CacheResolver.dependencies`. */
  keysOfDependencies!: () => readonly string[];
}

export const CacheEntryConnection = connectionOf(CacheEntry, {
  one: 'a cache entry',
  many: 'cache entries',
  total: 'How many entries fit the pattern and the layer.',
});

export const CacheRemovalCause = {
  EXPIRED: 'expired',
  EVICTED: 'evicted',
  INVALIDATED: 'invalidated',
  REPLACED: 'replaced',
} as const satisfies Record<string, RemovalCause>;

registerEnumType(CacheRemovalCause, {
  name: 'CacheRemovalCause',
  description: 'Why an entry left the cache.',
  valuesConfig: {
    EXPIRED: { description: 'Its time was over.' },
    EVICTED: { description: 'It was the least recently used one when the bounds on entries or bytes were exceeded.' },
    INVALIDATED: { description: 'A change, an admin or a gap in the change feed dropped it: the next read loads it.' },
    REPLACED: { description: 'A newer value took its place: the next read finds that.' },
  },
});

@ObjectType({ simpleResolvers: true, description: 'An entry that left the cache of this instance.' })
export class CacheRemoval {
  @Field(() => String, { description: 'Its key.' })
  key!: string;

  @Field(() => String, { description: 'Its layer, as in `cacheStats`.' })
  layer!: string;

  @Field(() => CacheRemovalCause, { description: 'Why it left.' })
  cause!: LoggedRemoval['cause'];

  @Field(() => DateTime, { description: 'When it left.' })
  at!: Date;

  @Field(() => String, {
    nullable: true,
    description:
      'Of a cached response: the key of the entry it was made from that left first. Null if it left by itself.',
  })
  dependency!: string | null;

  @Field(() => String, {
    nullable: true,
    description: `What invalidated or replaced it, in words: the change of a row, an admin's mutation, a gap in the change feed,
the audit. Null if it was a read that found something newer, and for the other causes.`,
  })
  by!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The position of the change that did it, as in `WorkstationChange.position`; null if none did.',
  })
  position!: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'What came of clearing the cache.' })
export class ClearCacheResult {
  @Field(() => String, { description: 'What was done, in words.' })
  message!: string;

  @Field(() => Int, { description: 'Entries removed on the instance that answers; the others clear theirs too.' })
  entriesRemoved!: number;

  @Field(() => DateTime, { description: 'When it was done.' })
  timestamp!: Date;
}

@ObjectType({ simpleResolvers: true, description: 'What came of invalidating part of the cache.' })
export class InvalidateCacheResult {
  @Field(() => String, { description: 'What was done, in words.' })
  message!: string;

  @Field(() => String, { description: 'The pattern that selected the keys.' })
  pattern!: string;

  @Field(() => Int, {
    description: `Entries removed on the instance that answers; the others remove theirs too. Of a dry run, those that would
be removed.`,
  })
  entriesRemoved!: number;

  @Field(() => [String], { description: 'The keys of those entries, the first 100 of them.' })
  keys!: readonly string[];

  @Field(() => DateTime, { description: 'When it was done.' })
  timestamp!: Date;
}
