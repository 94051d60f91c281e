import { flatObjectBytes } from '../../cache/index.ts';
import type { Row } from '../../changes/index.ts';
import { type Columns, epochMs } from '../../database/columns.ts';
import type { WorkstationStatus } from './workstation.entity.ts';

/** A workstation as services return it and the cache keeps it: plain, frozen, JSON-safe. */
export interface WorkstationRecord {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly ipAddress: string;
  readonly operatingSystem: string;
  readonly status: WorkstationStatus;
  /** Percent, 0 to 100; `null` when never reported. The same holds for memory and disk. */
  readonly cpuUsage: number | null;
  readonly memoryUsage: number | null;
  readonly diskUsage: number | null;
  readonly lastSeenAtMs: number | null;
  readonly managerId: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly version: number;
}

const COLUMN_OF: Record<keyof WorkstationRecord, string> = {
  id: 'w.id',
  name: 'w.name',
  hostname: 'w.hostname',
  ipAddress: 'host(w.ip_address)',
  operatingSystem: 'w.operating_system',
  status: 'w.status',
  cpuUsage: 'w.cpu_usage',
  memoryUsage: 'w.memory_usage',
  diskUsage: 'w.disk_usage',
  lastSeenAtMs: epochMs('w.last_seen_at'),
  managerId: 'w.manager_id',
  createdAtMs: epochMs('w.created_at'),
  updatedAtMs: epochMs('w.updated_at'),
  version: 'w.version',
};

/** The columns of a `workstation w`, named and converted so that a row is a `WorkstationRecord`. */
export const WORKSTATION_COLUMNS = Object.entries(COLUMN_OF)
  .map(([field, column]) => `${column} as "${field}"`)
  .join(', ');

export const WORKSTATION_FIELDS = Object.keys(COLUMN_OF);

/** The records in the columns that a statement selected as `WORKSTATION_COLUMNS`. */
export function workstationsFromColumns(columns: Columns<WorkstationRecord>): WorkstationRecord[] {
  return columns.id.map((id, row) =>
    Object.freeze({
      id,
      name: columns.name[row]!,
      hostname: columns.hostname[row]!,
      ipAddress: columns.ipAddress[row]!,
      operatingSystem: columns.operatingSystem[row]!,
      status: columns.status[row]!,
      cpuUsage: columns.cpuUsage[row]!,
      memoryUsage: columns.memoryUsage[row]!,
      diskUsage: columns.diskUsage[row]!,
      lastSeenAtMs: columns.lastSeenAtMs[row]!,
      managerId: columns.managerId[row]!,
      createdAtMs: columns.createdAtMs[row]!,
      updatedAtMs: columns.updatedAtMs[row]!,
      version: columns.version[row]!,
    }),
  );
}

/** The size of a record in memory, approximately. */
export function workstationBytes({
  name,
  hostname,
  ipAddress,
  operatingSystem,
  status,
  managerId,
}: WorkstationRecord): number {
  const texts = name.length + hostname.length + ipAddress.length + operatingSystem.length + status.length;
  return managerId === null
    ? flatObjectBytes(WORKSTATION_FIELDS.length, 6, texts + UUID_LENGTH)
    : flatObjectBytes(WORKSTATION_FIELDS.length, 7, texts + 2 * UUID_LENGTH);
}

const UUID_LENGTH = 36;

/** The record in a row that MikroORM's query builder returned. */
export function workstationFromStored(row: object): WorkstationRecord {
  const { manager, lastSeenAt, createdAt, updatedAt, ...rest } = row as StoredWorkstation;
  return {
    ...rest,
    managerId: manager,
    lastSeenAtMs: lastSeenAt === null ? null : lastSeenAt.getTime(),
    createdAtMs: createdAt.getTime(),
    updatedAtMs: updatedAt.getTime(),
  };
}

interface StoredWorkstation
  extends Omit<WorkstationRecord, 'managerId' | 'lastSeenAtMs' | 'createdAtMs' | 'updatedAtMs'> {
  readonly manager: string | null;
  readonly lastSeenAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The record in an announced row. */
export function workstationFromRow(row: Row): WorkstationRecord {
  const number = (value: unknown) => (value === null ? null : Number(value));
  const timeMs = (value: unknown) => Date.parse(value as string);
  return {
    id: row.id as string,
    name: row.name as string,
    hostname: row.hostname as string,
    ipAddress: row.ip_address as string,
    operatingSystem: row.operating_system as string,
    status: row.status as WorkstationStatus,
    cpuUsage: number(row.cpu_usage),
    memoryUsage: number(row.memory_usage),
    diskUsage: number(row.disk_usage),
    lastSeenAtMs: row.last_seen_at === null ? null : timeMs(row.last_seen_at),
    managerId: row.manager_id as string | null,
    createdAtMs: timeMs(row.created_at),
    updatedAtMs: timeMs(row.updated_at),
    version: row.version as number,
  };
}
