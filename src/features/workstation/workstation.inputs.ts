import { isIP } from 'node:net';
import { Field, Float, ID, InputType, Int, registerEnumType } from 'type-graphql';
import { compareByCodePoint, orderFieldsOf } from '../../collections/index.ts';
import { badInput, checkText } from '../../graphql/input-checks.ts';
import { Checked, TextField } from '../../graphql/input-fields.ts';
import { OrderDirection } from '../../graphql/page-arguments.ts';
import { IP } from '../../graphql/scalars.ts';
import { type WorkstationStatus, workstations } from './workstation.entity.ts';
import { type RejectedReading, WorkstationStatusEnum } from './workstation.type.ts';

const MAX_HOSTNAME_LENGTH = 253;
export const MAX_TAGS = 20;
const MAX_TAG_LENGTH = 50;
export const MAX_READINGS = 1000;

export const WorkstationOrderField = orderFieldsOf(workstations);

registerEnumType(WorkstationOrderField, {
  name: 'WorkstationOrderField',
  description: 'What a list of workstations can be ordered by. Equal values are ordered by id.',
  valuesConfig: {
    NAME: { description: 'The name, by code point: capitals before small letters.' },
    STATUS: { description: 'The status, in alphabetical order.' },
    CPU_USAGE: { description: 'Processor usage; workstations that never reported come last.' },
    LAST_SEEN_AT: { description: 'The time of the last report; workstations never seen come last.' },
    CREATED_AT: { description: 'The time at which the workstation was added.' },
  },
});

@InputType({ description: 'The order of a list of workstations.' })
export class WorkstationOrder {
  @Field(() => WorkstationOrderField, { description: 'What to order by.' })
  field!: keyof typeof WorkstationOrderField;

  @Field(() => OrderDirection, { defaultValue: OrderDirection.ASC, description: 'In which direction.' })
  direction!: OrderDirection;
}

@InputType({ description: 'A workstation to be added.' })
export class CreateWorkstationInput {
  @TextField({ description: 'Its name, unique in the fleet, 1 to 200 characters.' })
  name!: string;

  @Checked(checkHostname)
  @Field(() => String, { description: 'Its name on the network, letters, digits, dots and hyphens (RFC 1123).' })
  hostname!: string;

  @Checked(checkIpAddress)
  @Field(() => IP, { description: 'Its IPv4 or IPv6 address.' })
  ipAddress!: string;

  @TextField({ description: 'The operating system it runs, 1 to 200 characters.' })
  operatingSystem!: string;

  @Checked<readonly string[]>(checkTags)
  @Field(() => [String], {
    nullable: true,
    description: 'Its tags, at most 20 of 1 to 50 characters; they are sorted, and repeats left out.',
  })
  tags?: readonly string[] | null;

  @Field(() => WorkstationStatusEnum, { nullable: true, defaultValue: 'OFFLINE', description: 'What it is doing.' })
  status?: WorkstationStatus | null;

  @Field(() => ID, { nullable: true, description: 'The manager who looks after it.' })
  managerId?: string | null;
}

@InputType({ description: 'What to change of a workstation; what is left out stays as it is.' })
export class UpdateWorkstationInput {
  @TextField({ nullable: true, description: 'Its name, unique in the fleet, 1 to 200 characters.' })
  name?: string | null;

  @Checked(checkHostname)
  @Field(() => String, { nullable: true, description: 'Its name on the network (RFC 1123).' })
  hostname?: string | null;

  @Checked(checkIpAddress)
  @Field(() => IP, { nullable: true, description: 'Its IPv4 or IPv6 address.' })
  ipAddress?: string | null;

  @TextField({ nullable: true, description: 'The operating system it runs, 1 to 200 characters.' })
  operatingSystem?: string | null;

  @Checked<readonly string[]>(checkTags)
  @Field(() => [String], {
    nullable: true,
    description: 'All of its tags, at most 20 of 1 to 50 characters; they are sorted, and repeats left out.',
  })
  tags?: readonly string[] | null;

  @Field(() => WorkstationStatusEnum, { nullable: true, description: 'What it is doing.' })
  status?: WorkstationStatus | null;

  @Field(() => ID, { nullable: true, description: 'The manager who looks after it; null leaves it without one.' })
  managerId?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Refuse with STALE_VERSION unless the workstation has this version.',
  })
  expectedVersion?: number | null;
}

@InputType({ description: 'What one workstation measured. What is left out or null keeps its last value.' })
export class TelemetryReading {
  @Field(() => ID, { description: 'The workstation that reports.' })
  workstationId!: string;

  @Field(() => Float, { nullable: true, description: 'Processor usage in percent, 0 to 100.' })
  cpuUsage?: number | null;

  @Field(() => Float, { nullable: true, description: 'Memory usage in percent, 0 to 100.' })
  memoryUsage?: number | null;

  @Field(() => Float, { nullable: true, description: 'Disk usage in percent, 0 to 100.' })
  diskUsage?: number | null;

  @Field(() => WorkstationStatusEnum, {
    nullable: true,
    description:
      'What it is doing. When left out, an OFFLINE workstation becomes ONLINE, and any other keeps its status.',
  })
  status?: WorkstationStatus | null;
}

/**
 * Why each reading that cannot be stored is rejected.
 * @throws {StationmasterError} BAD_USER_INPUT when there are too many readings for one batch
 */
export function findRejected(readings: readonly TelemetryReading[]): RejectedReading[] {
  if (readings.length > MAX_READINGS) {
    throw badInput(`A batch has at most ${MAX_READINGS} readings; this one has ${readings.length}.`, 'readings');
  }
  return readings.flatMap((reading, index) => {
    const field = PERCENTAGES.find((each) => reading[each] != null && !(reading[each] >= 0 && reading[each] <= 100));
    return field ? [{ index, message: `${field} is a percentage, 0 to 100; got ${reading[field]}.` }] : [];
  });
}

const PERCENTAGES = ['cpuUsage', 'memoryUsage', 'diskUsage'] as const;

/** @throws {StationmasterError} BAD_USER_INPUT */
export function checkHostname(given: string, field: string): string {
  const isHostname = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i.test(given);
  if (!isHostname || given.length > MAX_HOSTNAME_LENGTH) {
    throw badInput('hostname is not a host name: letters, digits, hyphens and dots (RFC 1123).', `input.${field}`);
  }
  return given;
}

export function checkTags(given: readonly string[], field: string): readonly string[] {
  const tags = new Set(given.map((tag, index) => checkText(tag, `${field}[${index}]`, MAX_TAG_LENGTH)));
  if (tags.size > MAX_TAGS) {
    throw badInput(`A workstation has at most ${MAX_TAGS} tags; there are ${tags.size}.`, `input.${field}`);
  }
  return [...tags].sort(compareByCodePoint);
}

/** The scalar lets networks and prefix lengths through, such as 10.0.0.0/8. */
export function checkIpAddress(given: string, field: string): string {
  if (isIP(given) === 0) {
    throw badInput('ipAddress is one IPv4 or IPv6 address, without a prefix length.', `input.${field}`);
  }
  return given;
}
