import type { Fields, History, RowLog, Write } from './history.ts';
import type { Sql } from './sql.ts';
import type { Turnstile } from './turnstile.ts';

export const STATUSES = ['ONLINE', 'OFFLINE', 'MAINTENANCE', 'ERROR'] as const;

export interface World {
  readonly history: History;
  /** Milliseconds since the run began. */
  readonly now: () => number;
  readonly managers: readonly RowLog[];
  /** The workstations that readers request: the existing ones and some deleted ones. */
  readonly workstations: RowLog[];
  /** Rows in an unknown state. The janitor deletes them and learns their state. */
  readonly uncertain: RowLog[];
  /** The rows that the janitor is about to delete. */
  readonly doomed: Map<RowLog, Write>;
  /** The workstations that each writer writes. */
  readonly owned: RowLog[][];
  /** What every write passes. */
  readonly turnstile: Turnstile;
  nextWriteNumber(): number;
  isStopping(): boolean;
}

export const INITIAL_VALUES = { status: 'OFFLINE', managerId: null, cpuUsage: null } as const;

export function createRow(world: Pick<World, 'history'>, table: RowLog['table'], name: string): RowLog {
  const row: RowLog = { table, name, id: null, createdAtMs: null, writes: [] };
  world.history.rows.push(row);
  return row;
}

/** Records the start of a write. */
export function invoke(
  world: World,
  row: RowLog,
  { isReport = false, ...given }: Pick<Write, 'kind' | 'via' | 'number' | 'fields'> & { readonly isReport?: boolean },
): Write {
  const version = currentVersion(row) + (isReport ? 0 : 1);
  const write: Write = { ...given, version, invokedAtMs: world.now(), answeredAtMs: null, outcome: 'pending' };
  row.writes.push(write);
  return write;
}

/** The row as its owner last wrote it. */
export function currentFields({ writes }: RowLog): Fields {
  return writes.findLast(({ outcome }) => outcome === 'ok')!.fields!;
}

/** The version that the last answered write gave the row. */
export function currentVersion({ writes }: RowLog): number {
  return writes.findLast(({ outcome }) => outcome === 'ok')?.version ?? 0;
}

/** Removes the row from the readers' choice with a delay, so that readers also request deleted rows. */
export function retire(world: World, row: RowLog): void {
  world.workstations.splice(world.workstations.indexOf(row) >>> 0, 1);
  world.workstations.push(row);
  const gone = world.workstations.filter(({ writes }) => writes.at(-1)?.kind === 'delete');
  if (gone.length > DELETED_ROWS_KEPT) world.workstations.splice(world.workstations.indexOf(gone[0]!), 1);
}

const DELETED_ROWS_KEPT = 5;

/** Fills the empty database: the first writes of the history. */
export async function seedFleet(world: World, managers: RowLog[], counts: FleetCounts, sql: Sql): Promise<void> {
  for (let index = 0; index < counts.managers; index++) {
    const row = createRow(world, 'manager', `manager ${index}`);
    await insert(world, row, sql, {
      text: 'insert into manager (name, email) values ($1, $2) returning id, created_at',
      values: (number) => [`manager ${index} write ${number}`, `manager${index}@example.com`],
      fields: (number) => ({ name: `manager ${index} write ${number}` }),
    });
    managers.push(row);
  }
  for (let index = 0; index < counts.workstations; index++) {
    const name = workstationName(index);
    const row = createRow(world, 'workstation', name);
    const managerId = index % 3 === 0 ? null : managers[index % managers.length]!.id;
    const status = STATUSES[index % STATUSES.length]!;
    await insert(world, row, sql, {
      text: `insert into workstation (name, hostname, ip_address, operating_system, status, manager_id)
        values ($1, 'host', '10.0.0.1', $2, $3, $4) returning id, created_at`,
      values: (number) => [name, operatingSystem(number), status, managerId],
      fields: (number) => ({ ...INITIAL_VALUES, name, operatingSystem: operatingSystem(number), status, managerId }),
    });
    world.workstations.push(row);
  }
}

export interface FleetCounts {
  readonly managers: number;
  readonly workstations: number;
}

async function insert(
  world: World,
  row: RowLog,
  sql: Sql,
  { text, values, fields }: { text: string; values: (n: number) => unknown[]; fields: (n: number) => Fields },
): Promise<void> {
  const number = world.nextWriteNumber();
  const write = invoke(world, row, { kind: 'create', via: null, number, fields: fields(number) });
  const [[created]] = (await sql.run<{ id: string; created_at: Date }>({ text, values: values(number) })) as [[any]];
  row.id = created.id;
  row.createdAtMs = created.created_at.getTime();
  write.answeredAtMs = world.now();
  write.outcome = 'ok';
}

/** Unique and independent of the order of creation, so that new rows appear anywhere in a list by name. */
export function workstationName(number: number): string {
  return `${((number * 2654435761) >>> 0).toString(16).padStart(8, '0')}-${number}`;
}

export function operatingSystem(number: number): string {
  return `write ${number}`;
}

/** Unique for a million writes, from 0 to 100. */
export function cpuUsage(number: number): number {
  return (number % 1_000_000) / 10_000;
}
