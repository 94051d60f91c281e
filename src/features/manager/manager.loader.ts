import type { Cache, Fence } from '../../cache/index.ts';
import { FEW_ROWS, inColumns, queryColumns } from '../../database/columns.ts';
import type { Database } from '../../database/database.ts';
import type { FindByIds } from '../../database/gathered-reads.ts';
import { findUnchanged } from '../../database/unchanged.ts';
import type { Context } from '../../graphql/context.ts';
import { RecordLoader } from '../../graphql/record-loader.ts';
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
import { MANAGER_COLUMNS, MANAGER_FIELDS, type ManagerRecord, managersFromColumns } from './manager.record.ts';

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
        findUnchanged: (known) => findUnchanged(database, 'manager', known),
        trace: ctx.reads,
      }),
  );
}

export function readManagerPage(
  { cache, database }: ManagerSource,
  list: ManagerList,
  ctx: Context,
): Promise<ManagerPage> {
  return cache.read<ManagerPage>(managerListKey(list), (fence) => loadPage(database, list, fence), {
    layer: MANAGER_LISTS,
    tagsOf: () => [MANAGER_EXISTENCE],
    isAffectedBy: (change, page) => change === null || isManagerPageAffected(list, page, change as ManagerChangePair),
    trace: ctx.reads,
  });
}

const COLUMNS = `select ${MANAGER_COLUMNS} from manager m`;
const NEWEST_FIRST = 'order by m.created_at desc, m.id desc limit $1';
const BY_ID = `${COLUMNS} where m.id = any($1::uuid[])`;
const MANY_BY_ID = inColumns(MANAGER_FIELDS, BY_ID);
const FIRST_PAGE = inColumns(MANAGER_FIELDS, `${COLUMNS} ${NEWEST_FIRST}`);
const LATER_PAGE = inColumns(
  MANAGER_FIELDS,
  `${COLUMNS} where (m.created_at, m.id) < ($2::timestamptz, $3::uuid) ${NEWEST_FIRST}`,
);

/** The managers with these ids, in no particular order. */
export function findManagers(database: Database, ids: readonly string[]): Promise<ManagerRecord[]> {
  return ids.length <= FEW_ROWS
    ? database.query('managers-by-id', BY_ID, [ids])
    : find(database, 'many-managers-by-id', MANY_BY_ID, [ids]);
}

async function find(database: Database, name: string, text: string, values: unknown[]): Promise<ManagerRecord[]> {
  const columns = await queryColumns<ManagerRecord>(database, name, text, values);
  return columns ? managersFromColumns(columns) : [];
}

async function loadPage(database: Database, { first, after }: ManagerList, fence: Fence): Promise<ManagerPage> {
  const rows = after
    ? await find(database, 'managers-page-after', LATER_PAGE, [
        first + 1,
        new Date(after.value as number).toISOString(),
        after.id,
      ])
    : await find(database, 'managers-page', FIRST_PAGE, [first + 1]);
  for (const row of rows) fence.prime(managerKey(row.id), row, { layer: MANAGERS, version: row.version });
  const next = rows[first];
  return { ids: rows.slice(0, first).map(({ id }) => id), next: next ? managerPosition(next) : null };
}
