import { Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf } from '../../graphql/connection-type.ts';
import { Node } from '../../graphql/relay/node.ts';
import { DateTime, IP } from '../../graphql/scalars.ts';
import { WORKSTATION_STATUSES, type WorkstationStatus } from './workstation.entity.ts';

/** As GraphQL enums: an object whose keys are the names and whose values are what the code uses. */
export const WorkstationStatusEnum = Object.fromEntries(WORKSTATION_STATUSES.map((status) => [status, status])) as {
  [Status in WorkstationStatus]: Status;
};

registerEnumType(WorkstationStatusEnum, {
  name: 'WorkstationStatus',
  description: 'What a workstation is doing.',
  valuesConfig: {
    ONLINE: { description: 'Working and reachable.' },
    OFFLINE: { description: 'Not reachable, or not reported yet.' },
    MAINTENANCE: { description: 'Taken out of use on purpose.' },
    ERROR: { description: 'Reachable, but not working as it should.' },
  },
});

@ObjectType({ implements: Node, simpleResolvers: true, description: 'A machine of the fleet.' })
export class Workstation {
  @Field(() => ID, { description: 'Its identifier, a UUID.' })
  id!: string;

  @Field(() => String, { description: 'Its name, unique in the fleet.' })
  name!: string;

  @Field(() => String, { description: 'Its name on the network.' })
  hostname!: string;

  @Field(() => IP, { description: 'Its IPv4 or IPv6 address.' })
  ipAddress!: string;

  @Field(() => String, { description: 'The operating system it runs, with its version.' })
  operatingSystem!: string;

  @Field(() => String, {
    nullable: true,
    description: 'What the machine calls itself, unique in the fleet; set when its agent enrolls, null before.',
  })
  machineId!: string | null;

  @Field(() => [String], { description: 'What people mark it with, sorted by code point, without repeats.' })
  tags!: readonly string[];

  @Field(() => WorkstationStatusEnum, { description: 'What it is doing.' })
  status!: WorkstationStatus;

  @Field(() => Float, { nullable: true, description: 'Processor usage in percent, 0 to 100; null if never reported.' })
  cpuUsage!: number | null;

  @Field(() => Float, { nullable: true, description: 'Memory usage in percent, 0 to 100; null if never reported.' })
  memoryUsage!: number | null;

  @Field(() => Float, { nullable: true, description: 'Disk usage in percent, 0 to 100; null if never reported.' })
  diskUsage!: number | null;

  @Field(() => DateTime, {
    name: 'lastSeenAt',
    simple: false,
    nullable: true,
    description: 'When it last reported; null if never.',
  })
  lastSeenAtMs!: number | null;

  @Field(() => DateTime, { name: 'createdAt', simple: false, description: 'When it was added to the fleet.' })
  createdAtMs!: number;

  @Field(() => DateTime, {
    name: 'updatedAt',
    simple: false,
    description: 'When it was last edited; reports do not count.',
  })
  updatedAtMs!: number;

  @Field(() => Int, {
    description: 'Rises by one with every edit, not with reports; pass it as `expectedVersion` to guard an update.',
  })
  version!: number;
}

export const WorkstationConnection = connectionOf(Workstation, { one: 'a workstation', many: 'workstations' });

@ObjectType({ simpleResolvers: true, description: 'A reading that was not stored.' })
export class RejectedReading {
  @Field(() => Int, { description: 'Its place in the batch, from 0.' })
  index!: number;

  @Field(() => String, { description: 'What is wrong with it.' })
  message!: string;
}

@ObjectType({ simpleResolvers: true, description: 'What came of a batch of telemetry.' })
export class TelemetryReport {
  @Field(() => Int, { description: 'How many workstations were updated.' })
  stored!: number;

  @Field(() => [ID], { description: 'The ids in the batch that no workstation has; the others were stored.' })
  unknownIds!: string[];

  @Field(() => [RejectedReading], {
    description: 'The readings with a percentage beyond 0 to 100, in the order of the batch; the others were stored.',
  })
  rejected!: RejectedReading[];
}
