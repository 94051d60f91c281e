import type { TestApp } from '../support/test-app.ts';

/*
 * The expected answers of the API, computed from all rows in JavaScript: this file neither calls the application nor
 * lets the database filter or order.
 */

/** A workstation in the API's form. */
export interface OracleWorkstation {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly ipAddress: string;
  readonly operatingSystem: string;
  readonly status: string;
  readonly cpuUsage: number | null;
  readonly memoryUsage: number | null;
  readonly diskUsage: number | null;
  readonly lastSeenAt: string | null;
  readonly managerId: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly version: number;
}

export interface OracleManager {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly version: number;
}

export interface OracleFilter {
  readonly status?: readonly string[];
  readonly managerId?: string;
  readonly nameContains?: string;
  readonly unmanaged?: boolean;
}

export const ORDER_FIELDS = ['NAME', 'STATUS', 'CPU_USAGE', 'LAST_SEEN_AT', 'CREATED_AT'] as const;
export const DIRECTIONS = ['ASC', 'DESC'] as const;

export interface OracleOrder {
  readonly field: (typeof ORDER_FIELDS)[number];
  readonly direction: (typeof DIRECTIONS)[number];
}

export const EVERY_ORDER: readonly OracleOrder[] = ORDER_FIELDS.flatMap((field) =>
  DIRECTIONS.map((direction) => ({ field, direction })),
);

export const NEWEST_FIRST: OracleOrder = { field: 'CREATED_AT', direction: 'DESC' };

/** Every scalar field of a workstation, and fields that identify its manager. */
export const WORKSTATION_FIELDS = `id name hostname ipAddress operatingSystem status cpuUsage memoryUsage diskUsage
  lastSeenAt manager { id name } createdAt updatedAt version`;

export const MANAGER_FIELDS = 'id name email createdAt updatedAt version';

export interface Fleet {
  readonly workstations: readonly OracleWorkstation[];
  readonly managers: readonly OracleManager[];
}

/** All rows of both tables, in no particular order. */
export async function readFleet({ sql }: Pick<TestApp, 'sql'>): Promise<Fleet> {
  const workstations = await sql(`select id, name, hostname, host(ip_address) as "ipAddress",
    operating_system as "operatingSystem", status, cpu_usage as "cpuUsage", memory_usage as "memoryUsage",
    disk_usage as "diskUsage", last_seen_at as "lastSeenAt", manager_id as "managerId", created_at as "createdAt",
    updated_at as "updatedAt", version from workstation`);
  const managers = await sql(`select id, name, email, created_at as "createdAt", updated_at as "updatedAt", version
    from manager`);
  // Times arrive as Date objects; their JSON form is the API's form.
  return JSON.parse(JSON.stringify({ workstations, managers }));
}

/** The fields of a workstation that `WORKSTATION_FIELDS` selects. */
export function shown({ managerId, ...workstation }: OracleWorkstation, { managers }: Pick<Fleet, 'managers'>) {
  const manager = managers.find(({ id }) => id === managerId);
  return { ...workstation, manager: manager ? { id: manager.id, name: manager.name } : null };
}

/** The whole list: the rows that match the filter, in order. */
export function listOf(
  rows: readonly OracleWorkstation[],
  filter: OracleFilter = {},
  order: OracleOrder = NEWEST_FIRST,
): OracleWorkstation[] {
  return rows.filter((row) => fits(row, filter)).sort((a, b) => compare(order, a, b));
}

export function newestFirst<Row extends { readonly id: string; readonly createdAt: string }>(
  rows: readonly Row[],
): Row[] {
  return [...rows].sort((a, b) => compareValues(b.createdAt, a.createdAt) || compareValues(b.id, a.id));
}

function fits(row: OracleWorkstation, { status, managerId, nameContains, unmanaged }: OracleFilter): boolean {
  if (status && status.length > 0 && !status.includes(row.status)) return false;
  if (managerId !== undefined && row.managerId !== managerId) return false;
  if (unmanaged !== undefined && unmanaged !== (row.managerId === null)) return false;
  return nameContains === undefined || foldAscii(row.name).includes(foldAscii(nameContains));
}

const COLUMN = {
  NAME: 'name',
  STATUS: 'status',
  CPU_USAGE: 'cpuUsage',
  LAST_SEEN_AT: 'lastSeenAt',
  CREATED_AT: 'createdAt',
} as const;

export type OraclePlace = { readonly id: string; readonly value: string | number | null };

/** The position of the row in the order. */
export function placeOf({ field }: OracleOrder, row: OracleWorkstation): OraclePlace {
  return { id: row.id, value: row[COLUMN[field]] };
}

export function comparePlaces({ direction }: OracleOrder, a: OraclePlace, b: OraclePlace): number {
  if (a.value === null || b.value === null) {
    if (a.value !== b.value) return a.value === null ? 1 : -1;
  }
  const ascending = (a.value === b.value ? 0 : compareValues(a.value!, b.value!)) || compareValues(a.id, b.id);
  return direction === 'ASC' ? ascending : -ascending;
}

function compare(order: OracleOrder, a: OracleWorkstation, b: OracleWorkstation): number {
  return comparePlaces(order, placeOf(order, a), placeOf(order, b));
}

/** Text as UTF-8 bytes, which sort by code point. */
function compareValues(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}

function foldAscii(text: string): string {
  return [...text].map((character) => (character < '\u0080' ? character.toLowerCase() : character)).join('');
}
