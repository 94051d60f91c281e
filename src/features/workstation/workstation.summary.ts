import { Arg, Authorized, Ctx, Extensions, Field, Float, Int, ObjectType, Query, Resolver } from 'type-graphql';
import type { Role } from '../../auth/identity.ts';
import type { Summary } from '../../collections/index.ts';
import { CACHEABLE } from '../../graphql/cacheable.ts';
import type { Context } from '../../graphql/context.ts';
import type { FeatureParts } from '../feature.ts';
import { type WorkstationStatus, workstations } from './workstation.entity.ts';
import { WorkstationFilter } from './workstation.filter.ts';
import { WorkstationStatusEnum } from './workstation.type.ts';

@ObjectType({ simpleResolvers: true, description: 'How many workstations have a status.' })
export class StatusCount {
  @Field(() => WorkstationStatusEnum, { description: 'The status.' })
  status!: WorkstationStatus;

  @Field(() => Int, { description: 'How many workstations have it.' })
  count!: number;
}

@ObjectType({ simpleResolvers: true, description: 'How many workstations run an operating system.' })
export class OperatingSystemCount {
  @Field(() => String, { description: 'The operating system, with its version.' })
  operatingSystem!: string;

  @Field(() => Int, { description: 'How many workstations run it.' })
  count!: number;
}

@ObjectType({ simpleResolvers: true, description: 'A usage of several workstations, in percent, 0 to 100.' })
export class UsageSummary {
  @Field(() => Int, { description: 'How many workstations have reported it; the others do not count.' })
  reported!: number;

  @Field(() => Float, { nullable: true, description: 'The lowest; null when none has reported it.' })
  minimum!: number | null;

  @Field(() => Float, { nullable: true, description: 'The mean; null when none has reported it.' })
  average!: number | null;

  @Field(() => Float, { nullable: true, description: 'The highest; null when none has reported it.' })
  maximum!: number | null;
}

@ObjectType({ simpleResolvers: true, description: 'The figures of a fleet, all of one moment.' })
export class FleetSummary {
  @Field(() => Int, { description: 'How many workstations there are.' })
  total!: number;

  @Field(() => Int, { description: 'How many of them have no manager.' })
  unmanaged!: number;

  @Field(() => [StatusCount], { description: 'How many have each status, of those that some workstation has.' })
  byStatus!: readonly StatusCount[];

  @Field(() => [OperatingSystemCount], { description: 'How many run each operating system, the most frequent first.' })
  byOperatingSystem!: readonly OperatingSystemCount[];

  @Field(() => UsageSummary, { description: 'Their processor usage.' })
  cpuUsage!: UsageSummary;

  @Field(() => UsageSummary, { description: 'Their memory usage.' })
  memoryUsage!: UsageSummary;

  @Field(() => UsageSummary, { description: 'Their disk usage.' })
  diskUsage!: UsageSummary;
}

@Resolver(() => FleetSummary)
export class FleetSummaryResolver {
  readonly #workstations;

  constructor({ collections }: FeatureParts) {
    this.#workstations = collections.of(workstations);
  }

  @Authorized<Role>('VIEWER')
  @Extensions(CACHEABLE)
  @Query(() => FleetSummary, { description: 'The figures of the fleet, or of a part of it.' })
  async fleetSummary(
    @Arg('filter', () => WorkstationFilter, { nullable: true, description: 'Which workstations; all unless given.' })
    filter: WorkstationFilter | null,
    @Ctx() ctx: Context,
  ): Promise<FleetSummary> {
    return present(await this.#workstations.summary(workstations.normalizeFilter(filter), ctx));
  }
}

function present({ total, groups, missing, measures }: Summary): FleetSummary {
  return {
    total,
    unmanaged: missing.manager!,
    byStatus: groups.status!.map(([status, count]) => ({ status: status as WorkstationStatus, count })),
    byOperatingSystem: groups.operatingSystem!.map(([operatingSystem, count]) => ({
      operatingSystem: operatingSystem!,
      count,
    })),
    cpuUsage: measures.cpuUsage!,
    memoryUsage: measures.memoryUsage!,
    diskUsage: measures.diskUsage!,
  };
}
