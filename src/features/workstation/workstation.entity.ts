import { defineEntity, p } from '@mikro-orm/core';
import { baseProperties } from '../../collections/base.entity.ts';
import { ManagerEntity } from '../manager/manager.entity.ts';

export const WORKSTATION_STATUSES = ['ONLINE', 'OFFLINE', 'MAINTENANCE', 'ERROR'] as const;

export type WorkstationStatus = (typeof WORKSTATION_STATUSES)[number];

/** How a workstation is stored. Never leaves the service. */
export const WorkstationEntity = defineEntity({
  name: 'Workstation',
  tableName: 'workstation',
  properties: {
    ...baseProperties,
    name: p.text().unique('workstation_name_unique'),
    hostname: p.text(),
    ipAddress: p.string().columnType('inet'),
    operatingSystem: p.text(),
    status: p.text().$type<WorkstationStatus>().default('OFFLINE'),
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
