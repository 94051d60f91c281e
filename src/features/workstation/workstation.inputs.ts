import { isIP } from 'node:net';
import { Field, Float, ID, InputType, Int, registerEnumType } from 'type-graphql';
import { StationmasterError } from '../../errors.ts';
import { normalizeId } from '../../graphql/ids.ts';
import { badInput, checkPresent, checkText, MAX_TEXT_LENGTH } from '../../graphql/input-checks.ts';
import { IP } from '../../graphql/scalars.ts';
import type { WorkstationStatus } from './workstation.entity.ts';
import { ORDER_FIELDS, type WorkstationListFilter, type WorkstationListOrder } from './workstation.list.ts';
import { WorkstationStatusEnum } from './workstation.type.ts';

const MAX_HOSTNAME_LENGTH = 253;
export const MAX_READINGS = 1000;

export const WorkstationOrderField = Object.fromEntries(ORDER_FIELDS.map((field) => [field, field]));

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

export enum OrderDirection {
  ASC = 'ASC',
  DESC = 'DESC',
}

registerEnumType(OrderDirection, {
  name: 'OrderDirection',
  description: 'The direction of an order.',
  valuesConfig: { ASC: { description: 'Smallest first.' }, DESC: { description: 'Largest first.' } },
});

@InputType({ description: 'Which workstations a list holds: those that fit every part given.' })
export class WorkstationFilter {
  @Field(() => [WorkstationStatusEnum], { nullable: true, description: 'With any of these statuses.' })
  status?: WorkstationStatus[] | null;

  @Field(() => ID, { nullable: true, description: 'Looked after by this manager.' })
  managerId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'With this text in the name; the case of a to z does not matter.',
  })
  nameContains?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'true: without a manager; false: with one.' })
  unmanaged?: boolean | null;
}

@InputType({ description: 'The order of a list of workstations.' })
export class WorkstationOrder {
  @Field(() => WorkstationOrderField, { description: 'What to order by.' })
  field!: WorkstationListOrder['field'];

  @Field(() => OrderDirection, { defaultValue: OrderDirection.ASC, description: 'In which direction.' })
  direction!: OrderDirection;
}

@InputType({ description: 'A workstation to be added.' })
export class CreateWorkstationInput {
  @Field(() => String, { description: 'Its name, unique in the fleet, 1 to 200 characters.' })
  name!: string;

  @Field(() => String, { description: 'Its name on the network, letters, digits, dots and hyphens (RFC 1123).' })
  hostname!: string;

  @Field(() => IP, { description: 'Its IPv4 or IPv6 address.' })
  ipAddress!: string;

  @Field(() => String, { description: 'The operating system it runs, 1 to 200 characters.' })
  operatingSystem!: string;

  @Field(() => WorkstationStatusEnum, { nullable: true, defaultValue: 'OFFLINE', description: 'What it is doing.' })
  status?: WorkstationStatus | null;

  @Field(() => ID, { nullable: true, description: 'The manager who looks after it.' })
  managerId?: string | null;
}

@InputType({ description: 'What to change of a workstation; what is left out stays as it is.' })
export class UpdateWorkstationInput {
  @Field(() => String, { nullable: true, description: 'Its name, unique in the fleet, 1 to 200 characters.' })
  name?: string | null;

  @Field(() => String, { nullable: true, description: 'Its name on the network (RFC 1123).' })
  hostname?: string | null;

  @Field(() => IP, { nullable: true, description: 'Its IPv4 or IPv6 address.' })
  ipAddress?: string | null;

  @Field(() => String, { nullable: true, description: 'The operating system it runs, 1 to 200 characters.' })
  operatingSystem?: string | null;

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

  @Field(() => WorkstationStatusEnum, { nullable: true, description: 'What it is doing.' })
  status?: WorkstationStatus | null;
}

/** What is written of a workstation: the input, checked, without what is absent. */
export interface WorkstationValues {
  name?: string;
  hostname?: string;
  ipAddress?: string;
  operatingSystem?: string;
  status?: WorkstationStatus;
  manager?: string | null;
}

/** Newest first, so that a new workstation is on the first page. */
export const DEFAULT_ORDER: WorkstationListOrder = { field: 'CREATED_AT', direction: 'DESC' };

/**
 * Brings a filter into the form that lists are cached under; `null` when no workstation can fit it.
 * @throws {StationmasterError} BAD_USER_INPUT when `nameContains` is too long
 */
export function normalizeFilter(filter: WorkstationFilter | null | undefined): WorkstationListFilter | null {
  const { status, managerId, nameContains, unmanaged } = filter ?? {};
  if (nameContains && nameContains.length > MAX_TEXT_LENGTH) {
    throw badInput(
      `The text to look for has ${nameContains.length} characters; at most ${MAX_TEXT_LENGTH} are allowed.`,
      'filter.nameContains',
    );
  }
  // No name holds a NUL or half a surrogate pair.
  if (nameContains && (nameContains.includes('\0') || !nameContains.isWellFormed())) return null;
  const id = managerId == null ? undefined : normalizeId(managerId);
  if (id === null || (id && unmanaged === true)) return null;
  return {
    ...(status && status.length > 0 ? { status: [...new Set(status)].sort() } : {}),
    ...(id ? { managerId: id } : {}),
    ...(nameContains ? { nameContains } : {}),
    // A workstation with this manager has one.
    ...(unmanaged != null && !id ? { unmanaged } : {}),
  };
}

/**
 * Checks what is to be written.
 * @throws {StationmasterError} BAD_USER_INPUT with the field at fault; NOT_FOUND for a manager's id that no row can have
 */
export function checkWorkstation(input: CreateWorkstationInput | UpdateWorkstationInput): WorkstationValues {
  const values: WorkstationValues = {};
  if (input.name !== undefined) values.name = checkText(input.name, 'name');
  if (input.hostname !== undefined) values.hostname = checkHostname(input.hostname);
  if (input.ipAddress !== undefined) values.ipAddress = checkIpAddress(input.ipAddress);
  if (input.operatingSystem !== undefined) values.operatingSystem = checkText(input.operatingSystem, 'operatingSystem');
  if (input.status !== undefined) values.status = checkPresent(input.status, 'status');
  if (input.managerId !== undefined) values.manager = checkManagerId(input.managerId);
  return values;
}

/**
 * Checks a batch of telemetry.
 * @throws {StationmasterError} BAD_USER_INPUT with the field at fault, such as `readings[3].cpuUsage`
 */
export function checkReadings(readings: readonly TelemetryReading[]): void {
  if (readings.length > MAX_READINGS) {
    throw badInput(`A batch has at most ${MAX_READINGS} readings; this one has ${readings.length}.`, 'readings');
  }
  readings.forEach((reading, index) => {
    for (const field of ['cpuUsage', 'memoryUsage', 'diskUsage'] as const) {
      const percent = reading[field];
      if (percent != null && !(percent >= 0 && percent <= 100)) {
        throw badInput(`${field} is a percentage, 0 to 100; got ${percent}.`, `readings[${index}].${field}`);
      }
    }
  });
}

function checkHostname(hostname: string | null): string {
  const given = checkPresent(hostname, 'hostname');
  const isHostname = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i.test(given);
  if (!isHostname || given.length > MAX_HOSTNAME_LENGTH) {
    throw badInput('hostname is not a host name: letters, digits, hyphens and dots (RFC 1123).', 'input.hostname');
  }
  return given;
}

/** The scalar lets networks and prefix lengths through, such as 10.0.0.0/8. */
function checkIpAddress(ipAddress: string | null): string {
  const given = checkPresent(ipAddress, 'ipAddress');
  if (isIP(given) === 0) {
    throw badInput('ipAddress is one IPv4 or IPv6 address, without a prefix length.', 'input.ipAddress');
  }
  return given;
}

function checkManagerId(managerId: string | null): string | null {
  if (managerId === null) return null;
  const id = normalizeId(managerId);
  if (!id) throw new StationmasterError('NOT_FOUND', 'There is no manager with this id.', { field: 'input.managerId' });
  return id;
}
