import type { Cache, FillLease } from '../../cache/index.ts';
import type { FindByIds } from '../../collections/batch-across-requests.ts';
import { limitToPage } from '../../collections/page-limit.ts';
import { RecordLoader } from '../../collections/record-loader.ts';
import { revalidate } from '../../collections/revalidate.ts';
import type { Database } from '../../database/database.ts';
import { afterPolling } from '../../database/read/after-polling.ts';
import type { Context } from '../../graphql/context.ts';
import type { ManagersOfPage, ManagersOfRows, WorkstationRecord } from '../workstation/index.ts';
import {
  isManagerPageAffected,
  MANAGER_EXISTENCE,
  MANAGER_LISTS,
  MANAGERS,
  type ManagerChangePair,
  type ManagerList,
  type ManagerPage,
  managerKey,
  managerListKey,
  managerPosition,
} from './manager.cache.ts';
import { MANAGER_COLUMNS, type ManagerRecord, managerBytes, readManager } from './manager.record.ts';

export interface ManagerSource {
  readonly cache: Cache;
  readonly database: Database;
  readonly findManagers: FindByIds<ManagerRecord>;
}

/** The managers of this operation: answered from the cache, loaded in batches where it has nothing. */
export function managerLoader(
  { cache, database, findManagers }: ManagerSource,
  ctx: Context,
): RecordLoader<ManagerRecord> {
  return ctx.once(
    managerLoader,
    () =>
      new RecordLoader<ManagerRecord>({
        cache,
        layer: MANAGERS,
        keyOf: managerKey,
        find: findManagers,
        revalidate: (known) => revalidate(database, 'manager', known),
        trace: ctx.reads,
      }),
  );
}

/**
 * Brings managers along with the rows that name them, in the same statement, where they would have to be asked for
 * otherwise: which is taken to be so when some were missing the last time.
 */
export class ManagersAlong implements ManagersOfRows {
  readonly #source: ManagerSource;
  #areMissing = true;

  constructor(source: ManagerSource) {
    this.#source = source;
  }

  bringAlong(): ManagersOfPage | null {
    if (!this.#areMissing) return null;
    const found = new Map<string, ManagerRecord>();
    return {
      columns: MANAGER_COLUMNS,
      join: 'left join manager m on m.id = w.manager_id',
      read(row) {
        const id = row.internedUuid();
        if (id !== null && !found.has(id)) found.set(id, readManager(row, id));
      },
      keep: (lease, ctx) => this.#keep(found.values(), lease, ctx),
    };
  }

  #keep(managers: Iterable<ManagerRecord>, lease: FillLease, ctx: Context): void {
    const loader = managerLoader(this.#source, ctx);
    this.#areMissing = false;
    for (const manager of managers) {
      const entry = primeManager(manager, lease);
      if (entry) loader.prime(manager.id, entry);
      if (entry?.value === manager) this.#areMissing = true;
    }
  }

  /** Reads the managers of rows into the operation's own store, where the rows that show them find them at once. */
  async readOf(rows: readonly WorkstationRecord[], ctx: Context): Promise<void> {
    const loader = managerLoader(this.#source, ctx);
    const missing = new Set<string>();
    for (const { managerId } of rows) if (managerId !== null && !loader.finds(managerId)) missing.add(managerId);
    if (missing.size === 0) return;
    this.#areMissing = true;
    await loader.loadMany([...missing]);
  }
}

function primeManager(manager: ManagerRecord, lease: FillLease) {
  const { id, version } = manager;
  return lease.prime(managerKey(id), manager, { layer: MANAGERS, version, bytes: managerBytes(manager) });
}

export function readManagerPage(source: ManagerSource, list: ManagerList, ctx: Context): Promise<ManagerPage> {
  const { cache } = source;
  return cache.read<ManagerPage>(managerListKey(list), (lease) => loadPage(source, list, lease, ctx), {
    layer: MANAGER_LISTS,
    tagsOf: () => [MANAGER_EXISTENCE],
    isAffectedBy: (change, page) => change === null || isManagerPageAffected(list, page, change as ManagerChangePair),
    trace: ctx.reads,
  });
}

const COLUMNS = `select ${MANAGER_COLUMNS} from manager m`;
const BY_ID = `${COLUMNS} where m.id = any($1::uuid[])`;
/** The managers with these ids, in no particular order. */
export function findManagers(database: Database, ids: readonly string[]): Promise<ManagerRecord[]> {
  return database.readRows({ name: 'managers-by-id', text: BY_ID, values: [ids], read: (row) => readManager(row) });
}

async function loadPage(
  source: ManagerSource,
  { first, after }: ManagerList,
  lease: FillLease,
  ctx: Context,
): Promise<ManagerPage> {
  const { database } = source;
  const values: unknown[] = after ? [new Date(after.value as number).toISOString(), after.id] : [];
  const behind = after ? 'where (m.created_at, m.id) < ($1::timestamptz, $2::uuid)' : '';
  const limit = limitToPage(first, values);
  const text = `${COLUMNS} ${behind} order by m.created_at desc, m.id desc ${limit}`;
  const name = `managers-page${after ? '-after' : ''} ${limit}`;
  await afterPolling();
  const rows = await database.readRows({ name, text, values, read: (row) => readManager(row) });
  const loader = managerLoader(source, ctx);
  for (const row of rows) {
    const entry = primeManager(row, lease);
    if (entry) loader.prime(row.id, entry);
  }
  const next = rows[first];
  return { ids: rows.slice(0, first).map(({ id }) => id), next: next ? managerPosition(next) : null };
}
