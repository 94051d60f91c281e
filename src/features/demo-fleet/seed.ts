import type { Database } from '../../database/database.ts';
import { demoFleet } from './demo-fleet.ts';

const ROWS_PER_STATEMENT = 1000;

export interface SeedOptions {
  readonly managers: number;
  readonly workstations: number;
  /** Told after each statement how many rows of the fleet were gone through. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Fills the database with the demo fleet. Rows that are there already stay as they are, so a second run adds nothing.
 * @returns how many rows were added
 */
export async function seedFleet(
  database: Database,
  { managers, workstations, onProgress }: SeedOptions,
): Promise<number> {
  const fleet = demoFleet({ managers, workstations });
  const total = managers + workstations;
  let done = 0;
  let added = 0;
  for (const [table, rows] of [
    ['manager', fleet.managers],
    ['workstation', fleet.workstations],
  ] as const) {
    for (const batch of inBatches<object>(rows)) {
      added += await insertMissing(database, table, batch);
      done += batch.length;
      onProgress?.(done, total);
    }
  }
  return added;
}

/** Whether there is neither a manager nor a workstation. */
export async function isFleetEmpty(database: Database): Promise<boolean> {
  const [row] = await database.query<{ is_empty: boolean }>(
    'fleet-is-empty',
    'select not exists (select from manager) and not exists (select from workstation) as is_empty',
    [],
  );
  return row!.is_empty;
}

/** Those of the ids that workstations have. */
export async function findExisting(database: Database, ids: readonly string[]): Promise<string[]> {
  const text = 'select id from workstation where id = any($1::uuid[])';
  return (await database.query<{ id: string }>('demo-fleet-existing', text, [ids])).map(({ id }) => id);
}

async function insertMissing(database: Database, table: string, rows: readonly object[]): Promise<number> {
  const columns = Object.keys(rows[0]!).join(', ');
  const inserted = await database.execute(
    `seed-${table}`,
    `insert into ${table} (${columns}) select ${columns} from json_populate_recordset(null::${table}, $1::json)
      on conflict do nothing returning id`,
    [JSON.stringify(rows)],
  );
  return inserted.length;
}

function* inBatches<Row>(rows: Iterable<Row>): Generator<Row[]> {
  let batch: Row[] = [];
  for (const row of rows) {
    batch.push(row);
    if (batch.length === ROWS_PER_STATEMENT) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
