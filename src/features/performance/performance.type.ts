import { Field, Float, ID, Int, ObjectType } from 'type-graphql';
import { DateTime } from '../../graphql/scalars.ts';

@ObjectType({ simpleResolvers: true })
abstract class CacheCounters {
  @Field(() => Float, { description: 'Reads answered without a load of their own.' })
  hits!: number;

  @Field(() => Float, { description: 'Reads that had to load.' })
  misses!: number;

  @Field(() => Int, { description: 'Entries held now.' })
  size!: number;

  @Field(() => Float, { description: 'Entries pushed out by the bounds on entries and bytes.' })
  evictions!: number;

  @Field(() => Float, { description: 'Hits in percent of all reads; 0 before the first.' })
  hitRatePercent!: number;
}

@ObjectType({
  simpleResolvers: true,
  description: 'What one kind of cached values did since the start of this instance.',
})
export class CacheLayerStats extends CacheCounters {
  @Field(() => String, {
    description: 'The kind, such as `workstations` or `workstations_list`: the first words of its keys.',
  })
  name!: string;
}

@ObjectType({ simpleResolvers: true, description: 'What the cache of this instance did since its start.' })
export class CacheStats extends CacheCounters {
  @Field(() => Float, { description: 'Memory the entries take, approximately.' })
  bytes!: number;

  @Field(() => Float, { description: 'Faults of the cache that reads went around.' })
  errors!: number;

  @Field(() => [CacheLayerStats], { description: 'The same by kind of value.' })
  layers!: CacheLayerStats[];
}

@ObjectType({ simpleResolvers: true, description: 'Managers, in figures.' })
export class ManagerMetrics {
  @Field(() => Int, { description: 'How many are on record.' })
  count!: number;
}

@ObjectType({ simpleResolvers: true, description: 'WebSockets of this instance, in figures.' })
export class WebSocketMetrics {
  @Field(() => Int, { description: 'Connections open now.' })
  activeConnections!: number;

  @Field(() => Int, { description: 'Subscriptions running now, on all connections together.' })
  activeSubscriptions!: number;
}

@ObjectType({ simpleResolvers: true, description: 'What this instance hears of the changes in the database.' })
export class ChangeFeedMetrics {
  @Field(() => String, {
    description: '`live`: every change is heard; `connecting` or `gap`: nothing cached is served as fresh.',
  })
  state!: string;

  @Field(() => Int, { description: 'How often the feed was lost since the start.' })
  gaps!: number;

  @Field(() => String, { nullable: true, description: 'Why it is not live; null while it is.' })
  reason!: string | null;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'Some of what the cache of this instance serves, compared with the database; and how fast it hears of changes.',
})
export class AuditMetrics {
  @Field(() => Float, { description: 'Cached values that were compared since the start.' })
  audited!: number;

  @Field(() => Float, { description: 'Those of them that were stale. Any is a fault.' })
  stale!: number;

  @Field(() => Float, {
    nullable: true,
    description: 'Milliseconds in which half of the last changes were applied here; null while there are none.',
  })
  visibilityP50Ms!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Milliseconds in which 99 of 100 of the last changes were applied here; null while there are none.',
  })
  visibilityP99Ms!: number | null;
}

@ObjectType({
  simpleResolvers: true,
  description: 'How an instance did over some five seconds. What is counted is given per second.',
})
export class PerformanceSample {
  @Field(() => DateTime, { description: 'The end of those seconds.' })
  timestamp!: Date;

  @Field(() => Float, { description: 'Reads that the cache answered.' })
  hits!: number;

  @Field(() => Float, { description: 'Reads that had to load.' })
  misses!: number;

  @Field(() => Float, { description: 'Entries that were pushed out of the cache by its bounds.' })
  evictions!: number;

  @Field(() => Float, { description: 'GraphQL operations, without the events of subscriptions.' })
  requests!: number;

  @Field(() => Float, { description: 'Those of them that were refused, or answered with an error.' })
  errors!: number;

  @Field(() => Float, { description: 'Statements sent to the database.' })
  sqlStatements!: number;

  @Field(() => Float, { description: 'Rows whose changes were heard.' })
  changes!: number;

  @Field(() => Float, {
    nullable: true,
    description: 'Milliseconds in which half of the requests were answered; null if there were none.',
  })
  requestP50Ms!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Milliseconds in which 99 of 100 requests were answered; null if there were none.',
  })
  requestP99Ms!: number | null;

  @Field(() => Int, { description: 'Entries in the cache at the end.' })
  cacheSize!: number;

  @Field(() => Float, { description: 'Memory of those entries, approximately.' })
  cacheBytes!: number;

  @Field(() => Float, { description: 'Memory of the process at the end.' })
  memoryBytes!: number;

  @Field(() => Int, { description: 'WebSockets and streams open at the end.' })
  activeConnections!: number;

  @Field(() => Int, { description: 'Subscriptions running at the end.' })
  activeSubscriptions!: number;
}

@ObjectType({ simpleResolvers: true, description: 'One of the instances that share a database, in figures.' })
export class InstanceMetrics {
  @Field(() => ID, { description: 'The instance; made anew at each start.' })
  instanceId!: string;

  @Field(() => Float, { description: 'Reads that its cache answered.' })
  hits!: number;

  @Field(() => Float, { description: 'Reads that it had to load.' })
  misses!: number;

  @Field(() => Int, { description: 'Entries in its cache now.' })
  size!: number;

  @Field(() => Int, { description: 'WebSocket connections open to it now.' })
  activeConnections!: number;

  @Field(() => String, { description: 'The state of its change feed, as in `changeFeed`.' })
  feedState!: string;

  @Field(() => AuditMetrics, { nullable: true, description: 'The audit of its cache; null of an earlier version.' })
  audit!: AuditMetrics | null;

  @Field(() => PerformanceSample, {
    nullable: true,
    description: 'How it did in the last five seconds; null before the first are over, and of an earlier version.',
  })
  latest!: PerformanceSample | null;
}

@ObjectType({ simpleResolvers: true, description: 'How this instance is doing.' })
export class PerformanceMetrics {
  @Field(() => CacheStats, { description: 'The cache.' })
  cache!: CacheStats;

  @Field(() => ManagerMetrics, { description: 'The managers.' })
  managers!: ManagerMetrics;

  @Field(() => WebSocketMetrics, { description: 'The WebSockets.' })
  websockets!: WebSocketMetrics;

  @Field(() => ChangeFeedMetrics, { description: 'The change feed.' })
  changeFeed!: ChangeFeedMetrics;

  @Field(() => AuditMetrics, { description: 'The audit of the cache.' })
  audit!: AuditMetrics;

  @Field(() => Float, { description: 'Seconds since this instance started.' })
  uptimeSeconds!: number;

  @Field(() => ID, { description: 'The instance that answers; made anew at each start.' })
  instanceId!: string;

  @Field(() => DateTime, { description: 'When these figures were taken.' })
  timestamp!: Date;
}
