import { flatObjectBytes } from '../../cache/index.ts';
import type { Row } from '../../changes/index.ts';
import type { RowReader } from '../../database/read/row-reader.ts';
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

/** The columns of a `workstation w` as `readWorkstation` reads them. Last what it reads by `text()`, which keeps the rest of a row. */
export const WORKSTATION_COLUMNS = `w.cpu_usage, w.memory_usage, w.disk_usage, w.last_seen_at, w.created_at, w.updated_at,
  w.version, w.id, w.manager_id, w.ip_address, w.status, w.operating_system, w.name, w.hostname`;

/** The record in the columns that a statement selected as `WORKSTATION_COLUMNS`. */
export function readWorkstation(row: RowReader): WorkstationRecord {
  return Object.freeze({
    cpuUsage: row.float(),
    memoryUsage: row.float(),
    diskUsage: row.float(),
    lastSeenAtMs: row.timeMs(),
    createdAtMs: row.timeMs()!,
    updatedAtMs: row.timeMs()!,
    version: row.int()!,
    id: row.uuid()!,
    managerId: row.internedUuid(),
    ipAddress: row.ip()!,
    status: row.internedText() as WorkstationStatus,
    operatingSystem: row.internedText()!,
    name: row.text()!,
    hostname: row.text()!,
  });
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
    ? flatObjectBytes(PARTS, 6, texts + UUID_LENGTH)
    : flatObjectBytes(PARTS, 7, texts + 2 * UUID_LENGTH);
}

const PARTS = 14;
const UUID_LENGTH = 36;

/** The record in a row that was announced, or that a `Writer` wrote. */
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
