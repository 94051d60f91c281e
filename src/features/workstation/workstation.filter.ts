import { Field, Float, ID, InputType } from 'type-graphql';
import { CIDR, DateTime } from '../../graphql/scalars.ts';
import type { WorkstationStatus } from './workstation.entity.ts';
import { WorkstationStatusEnum } from './workstation.type.ts';

@InputType({ description: 'Numbers within all of the bounds given. What was never reported is in no range.' })
export class FloatRange {
  @Field(() => Float, { nullable: true, description: 'At least.' })
  gte?: number | null;

  @Field(() => Float, { nullable: true, description: 'More than.' })
  gt?: number | null;

  @Field(() => Float, { nullable: true, description: 'At most.' })
  lte?: number | null;

  @Field(() => Float, { nullable: true, description: 'Less than.' })
  lt?: number | null;
}

@InputType({
  description: `Which workstations: those that fit every part given. A part that is null or an empty list or text restricts
nothing. Workstations without the value do not fit a part, and so they fit \`not\` of it. At most 50 parts and 5 levels; a
list has at most 500 values, a text 200 characters.`,
})
export class WorkstationFilter {
  @Field(() => [ID], { nullable: true, description: 'With any of these ids.' })
  ids?: string[] | null;

  @Field(() => [WorkstationStatusEnum], { nullable: true, description: 'With any of these statuses.' })
  status?: WorkstationStatus[] | null;

  @Field(() => ID, { nullable: true, description: 'Looked after by this manager.' })
  managerId?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'true: without a manager; false: with one.' })
  unmanaged?: boolean | null;

  @Field(() => String, {
    nullable: true,
    description: 'With this text in the name; the case of a to z does not matter.',
  })
  nameContains?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'With this text in the host name; the case of a to z does not matter.',
  })
  hostnameContains?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'With this text in the operating system; the case of a to z does not matter.',
  })
  operatingSystemContains?: string | null;

  @Field(() => [String], { nullable: true, description: 'Running exactly one of these operating systems.' })
  operatingSystem?: string[] | null;

  @Field(() => [CIDR], { nullable: true, description: 'With an address in any of these networks.' })
  ipAddressIn?: string[] | null;

  @Field(() => [String], { nullable: true, description: 'With all of these tags.' })
  tags?: string[] | null;

  @Field(() => FloatRange, { nullable: true, description: 'With this processor usage, in percent.' })
  cpuUsage?: FloatRange | null;

  @Field(() => FloatRange, { nullable: true, description: 'With this memory usage, in percent.' })
  memoryUsage?: FloatRange | null;

  @Field(() => FloatRange, { nullable: true, description: 'With this disk usage, in percent.' })
  diskUsage?: FloatRange | null;

  @Field(() => DateTime, { nullable: true, description: 'With a last report earlier than this.' })
  lastSeenBefore?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'With a last report later than this.' })
  lastSeenAfter?: Date | null;

  @Field(() => Boolean, { nullable: true, description: 'true: that never reported; false: that have reported.' })
  neverSeen?: boolean | null;

  @Field(() => [WorkstationFilter], { nullable: true, description: 'That fit all of these.' })
  and?: WorkstationFilter[] | null;

  @Field(() => [WorkstationFilter], { nullable: true, description: 'That fit at least one of these.' })
  or?: WorkstationFilter[] | null;

  @Field(() => WorkstationFilter, { nullable: true, description: 'That do not fit this.' })
  not?: WorkstationFilter | null;
}
