import DataLoader from 'dataloader';
import { type Cache, type FillLease, stableJson } from '../../cache/index.ts';
import type { FindByIds } from '../../collections/batch-across-requests.ts';
import { RecordLoader } from '../../collections/record-loader.ts';
import { revalidate } from '../../collections/revalidate.ts';
import type { Database } from '../../database/database.ts';
import { afterPolling } from '../../database/read/after-polling.ts';
import type { Context } from '../../graphql/context.ts';
import {
  WORKSTATION_COUNTS,
  WORKSTATION_LISTS,
  WORKSTATIONS,
  workstationCountKey,
  workstationCountTags,
  workstationKey,
  workstationListKey,
  workstationListTags,
} from './workstation.cache.ts';
import {
  isCountAffected,
  isWorkstationPageAffected,
  positionOf,
  type WorkstationChangePair,
  type WorkstationList,
  type WorkstationListFilter,
  type WorkstationPage,
} from './workstation.list.ts';
import { type Companions, countOfEach, countWorkstations, findPage, findPageOfEach } from './workstation.queries.ts';
import { type WorkstationRecord, workstationBytes } from './workstation.record.ts';

/** The reads of one operation: batched by tick, answered from the cache, loaded where it has nothing. */
export interface WorkstationLoaders {
  readonly record: RecordLoader<WorkstationRecord>;
  readonly page: DataLoader<WorkstationList, WorkstationPage, string>;
  readonly count: DataLoader<WorkstationListFilter, number, string>;
  /** Whether the managers of the pages' rows are shown too, so that they had better be there with them. */
  showsManagers: boolean;
}

export interface WorkstationSource {
  readonly cache: Cache;
  readonly database: Database;
  readonly findWorkstations: FindByIds<WorkstationRecord>;
  readonly managers: ManagersOfRows;
}

/** How the managers that rows name are read along with them. */
export interface ManagersOfRows {
  /** What one statement is to bring along; `null` when the managers are best read by themselves. */
  bringAlong(): ManagersOfPage | null;
  /** Reads the managers of rows into the operation's own store, where the rows that show them find them at once. */
  readOf(rows: readonly WorkstationRecord[], ctx: Context): Promise<void>;
}

export interface ManagersOfPage extends Companions {
  /** Stores what came along. */
  keep(lease: FillLease, ctx: Context): void;
}

/** The loaders of this operation, made when they are first needed. */
export function workstationLoaders(source: WorkstationSource, ctx: Context): WorkstationLoaders {
  return ctx.once(workstationLoaders, () => ({
    record: new RecordLoader({
      cache: source.cache,
      layer: WORKSTATIONS,
      keyOf: workstationKey,
      find: source.findWorkstations,
      revalidate: (known) => revalidate(source.database, 'workstation', known),
      trace: ctx.reads,
    }),
    page: new DataLoader((lists) => readPages(source, lists, ctx), { cacheKeyFn: workstationListKey }),
    showsManagers: false,
    count: new DataLoader((filters) => readCounts(source, filters, ctx), {
      cacheKeyFn: workstationCountKey,
      // Nested lists without rows are ready before the others; a turn later all of them are, and are counted together.
      batchScheduleFn: (dispatch) => setImmediate(dispatch),
    }),
  }));
}

function readPages(source: WorkstationSource, lists: readonly WorkstationList[], ctx: Context) {
  const { cache } = source;
  const listOf = new Map(lists.map((list) => [workstationListKey(list), list]));
  return cache.readMany<WorkstationPage>(
    [...listOf.keys()],
    async (missing, lease) =>
      loadPages(
        source,
        missing.map((key) => listOf.get(key)!),
        lease,
        ctx,
      ),
    {
      layer: WORKSTATION_LISTS,
      tagsOf: (key) => workstationListTags(listOf.get(key)!),
      isAffectedBy: (change, page, key) =>
        change === null || isWorkstationPageAffected(listOf.get(key)!, page, change as WorkstationChangePair),
      trace: ctx.reads,
    },
  );
}

/** Lists that differ only in their manager are loaded in one statement, each other one in its own. */
async function loadPages(
  source: WorkstationSource,
  lists: readonly WorkstationList[],
  lease: FillLease,
  ctx: Context,
): Promise<WorkstationPage[]> {
  const { database } = source;
  await afterPolling();
  const { record, showsManagers } = workstationLoaders(source, ctx);
  const shapeOf = ({ filter, ...rest }: WorkstationList) =>
    filter.managerId === undefined ? null : stableJson({ ...rest, filter: { ...filter, managerId: undefined } });
  const rowsOf = await loadByShape(
    lists,
    shapeOf,
    (list) => loadPage(source, list, showsManagers, lease, ctx),
    async (alike) => {
      const managerIds = alike.map(({ filter }) => filter.managerId!);
      const rows = Map.groupBy(await findPageOfEach(database, managerIds, alike[0]!), ({ managerId }) => managerId!);
      return managerIds.map((id) => rows.get(id) ?? []);
    },
  );
  return lists.map((list) => {
    const rows = rowsOf.get(list)!;
    for (const row of rows) {
      const { id, version } = row;
      const entry = lease.prime(workstationKey(id), row, {
        layer: WORKSTATIONS,
        version,
        bytes: workstationBytes(row),
      });
      if (entry) record.prime(id, entry);
    }
    const next = rows[list.first];
    return { ids: rows.slice(0, list.first).map(({ id }) => id), next: next ? positionOf(list.order, next) : null };
  });
}

async function loadPage(
  { database, managers }: WorkstationSource,
  list: WorkstationList,
  showsManagers: boolean,
  lease: FillLease,
  ctx: Context,
): Promise<WorkstationRecord[]> {
  const along = showsManagers ? managers.bringAlong() : null;
  const rows = await findPage(database, list, along);
  along?.keep(lease, ctx);
  return rows;
}

function readCounts({ cache, database }: WorkstationSource, filters: readonly WorkstationListFilter[], ctx: Context) {
  const filterOf = new Map(filters.map((filter) => [workstationCountKey(filter), filter]));
  return cache.readMany<number>(
    [...filterOf.keys()],
    async (missing) =>
      loadCounts(
        database,
        missing.map((key) => filterOf.get(key)!),
      ),
    {
      layer: WORKSTATION_COUNTS,
      tagsOf: (key) => workstationCountTags(filterOf.get(key)!),
      isAffectedBy: (change, _count, key) =>
        change === null || isCountAffected(filterOf.get(key)!, change as WorkstationChangePair),
      trace: ctx.reads,
    },
  );
}

async function loadCounts(database: Database, filters: readonly WorkstationListFilter[]): Promise<number[]> {
  const shapeOf = (filter: WorkstationListFilter) =>
    filter.managerId === undefined ? null : stableJson({ ...filter, managerId: undefined });
  const countOf = await loadByShape(
    filters,
    shapeOf,
    (filter) => countWorkstations(database, filter),
    async (alike) => {
      const managerIds = alike.map(({ managerId }) => managerId!);
      const counts = await countOfEach(database, managerIds, alike[0]!);
      return managerIds.map((id) => counts.get(id) ?? 0);
    },
  );
  return filters.map((filter) => countOf.get(filter)!);
}

/** InFlightLoads those of one shape together, and those of no shape, or alone in theirs, one by one. */
async function loadByShape<Request, Result>(
  requests: readonly Request[],
  shapeOf: (request: Request) => string | null,
  loadOne: (request: Request) => Promise<Result>,
  loadAlike: (requests: Request[]) => Promise<Result[]>,
): Promise<Map<Request, Result>> {
  const results = new Map<Request, Result>();
  const groups = Map.groupBy(requests, shapeOf);
  await Promise.all(
    [...groups].map(async ([shape, alike]) => {
      const loaded =
        shape === null || alike.length === 1 ? await Promise.all(alike.map(loadOne)) : await loadAlike(alike);
      alike.forEach((request, index) => {
        results.set(request, loaded[index]!);
      });
    }),
  );
  return results;
}
