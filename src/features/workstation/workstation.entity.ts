import { defineEntity, p } from '@mikro-orm/core';
import {
  after,
  baseProperties,
  before,
  contains,
  defineCollection,
  equals,
  hasAll,
  inNetwork,
  isNull,
  oneOf,
  type RecordOf,
  range,
  TextsType,
} from '../../collections/index.ts';
import { ManagerEntity } from '../manager/index.ts';

export const WORKSTATION_STATUSES = ['ONLINE', 'OFFLINE', 'MAINTENANCE', 'ERROR'] as const;

export type WorkstationStatus = (typeof WORKSTATION_STATUSES)[number];

/** How a workstation is stored. Clients are shown `Workstation`. */
export const WorkstationEntity = defineEntity({
  name: 'Workstation',
  tableName: 'workstation',
  properties: {
    ...baseProperties,
    name: p.text().unique('workstation_name_unique'),
    hostname: p.text(),
    ipAddress: p.string().columnType('inet'),
    operatingSystem: p.text(),
    // What the machine calls itself; null where no agent has enrolled it.
    machineId: p.text().nullable().unique('workstation_machine_id_unique'),
    // At most 20 of 1 to 50 characters, sorted by code point, without repeats.
    tags: p.type(TextsType).defaultRaw("'{}'"),
    status: p.enum(WORKSTATION_STATUSES).default('OFFLINE'),
    // Percent, 0 to 100; null when never reported.
    cpuUsage: p.double().nullable(),
    memoryUsage: p.double().nullable(),
    diskUsage: p.double().nullable(),
    lastSeenAt: p.datetime(3).nullable(),
    manager: () => p.manyToOne(ManagerEntity).nullable().deleteRule('set null'),
  },
  indexes: [
    { name: 'workstation_created_at_id', properties: ['createdAt', 'id'] },
    { name: 'workstation_status_id', properties: ['status', 'id'] },
    { name: 'workstation_manager_id_created_at_id', properties: ['manager', 'createdAt', 'id'] },
  ],
});

export const workstations = defineCollection({
  entity: WorkstationEntity,
  key: 'workstations',
  orders: {
    NAME: 'name',
    STATUS: 'status',
    CPU_USAGE: 'cpuUsage',
    LAST_SEEN_AT: 'lastSeenAt',
    CREATED_AT: 'createdAt',
  },
  // Newest first, so that a new workstation is on the first page.
  defaultOrder: ['CREATED_AT', 'DESC'],
  filters: {
    ids: oneOf('id'),
    status: oneOf('status'),
    managerId: equals('manager'),
    unmanaged: isNull('manager'),
    nameContains: contains('name'),
    hostnameContains: contains('hostname'),
    operatingSystemContains: contains('operatingSystem'),
    operatingSystem: oneOf('operatingSystem'),
    ipAddressIn: inNetwork('ipAddress'),
    tags: hasAll('tags'),
    cpuUsage: range('cpuUsage'),
    memoryUsage: range('memoryUsage'),
    diskUsage: range('diskUsage'),
    lastSeenBefore: before('lastSeenAt'),
    lastSeenAfter: after('lastSeenAt'),
    neverSeen: isNull('lastSeenAt'),
  },
  summary: {
    groups: ['status', 'operatingSystem'],
    missing: ['manager'],
    measures: ['cpuUsage', 'memoryUsage', 'diskUsage'],
  },
  interned: ['operatingSystem'],
});

export type WorkstationRecord = RecordOf<typeof WorkstationEntity>;
