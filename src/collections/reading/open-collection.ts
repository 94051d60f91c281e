import DataLoader from 'dataloader';
import {
  type Cache,
  type Entry,
  type FillLease,
  type Primed,
  type PrimeOptions,
  type ReadOptions,
  stableJson,
} from '../../cache/index.ts';
import type { Database } from '../../database/database.ts';
import { afterPolling } from '../../database/read/after-polling.ts';
import type { Collection, List, ListOrder, Page } from '../definition/collection.ts';
import type { FilterPart, NormalizedFilter } from '../definition/filter-language.ts';
import type { Identified } from '../definition/record.ts';
import type { Summary } from '../definition/summary.ts';
import { batchAcrossRequests } from './batch-across-requests.ts';
import type { Operation } from './operation.ts';
import { RecordLoader } from './record-loader.ts';
import type { RecordSource } from './records.ts';
import { RelationPrefetch } from './relation-prefetch.ts';
import { Rereads } from './rereads.ts';
import { Statements } from './statements.ts';
import { Summaries } from './summaries.ts';

/** How often a page is read when rows of it are deleted at the same time. After that it is shown without these rows. */
const MAX_PAGE_READS = 3;

/** One page of a list, and the relations of its rows that are shown, by the names of their properties. */
export interface PageRequest extends List {
  readonly shows: readonly string[];
}

export interface PageRows<Row> {
  /** In the order of the list. A row that was deleted since the page was read for the last time is absent. */
  readonly rows: readonly Row[];
  /** Whether the range has rows beyond the page: behind a page from the start, before one from the end. */
  readonly hasMore: boolean;
}

function isStored(primed: Primed): primed is Entry {
  return primed !== null && primed !== 'no room';
}

/** Rows that are read as they are needed. */
export interface Scan<Row> {
  /** The next rows, at most `count`; none: all have been read. */
  next(count: number): Promise<Row[]>;
  close(): Promise<void>;
}

export interface CollectionSource {
  readonly cache: Cache;
  readonly database: Database;
}

/** The loads of one operation: batched by tick, answered from the cache, loaded where it has nothing. */
interface Loads<Row extends Identified> {
  readonly records: RecordLoader<Row>;
  readonly pages: DataLoader<PageRequest, Page, string>;
  readonly counts: DataLoader<NormalizedFilter, number, string>;
  /** The entries that hold the rows of the pages that this operation loaded, in the order of each page. */
  readonly entriesOf: Map<Page, readonly Entry[]>;
}

/** A collection whose rows can be read: from the cache, and from the database where that has nothing. */
export class OpenCollection<Row extends Identified, FilterGiven, OrderField extends string> {
  readonly definition: Collection<Row, FilterGiven, OrderField>;
  /** For an audit of what the cache holds. */
  readonly rereads: Rereads<Row>;
  readonly #cache: Cache;
  readonly #statements: Statements<Row>;
  readonly #summaries: Summaries;
  readonly #records: Omit<RecordSource<Row>, 'trace'>;
  readonly #priming: PrimeOptions<Row>;
  /** By the names of their properties; complete once all collections are open. */
  readonly #relations = new Map<string, RelationPrefetch>();

  constructor(definition: Collection<Row, FilterGiven, OrderField>, { cache, database }: CollectionSource) {
    this.definition = definition;
    this.#cache = cache;
    const statements = new Statements<Row>(definition, database);
    this.#statements = statements;
    this.#summaries = new Summaries(definition, cache, statements);
    this.rereads = new Rereads(definition, statements);
    this.#records = {
      cache,
      layer: definition.key,
      keyOf: (id) => definition.keyOf(id),
      versionOf: ({ rowVersion }) => rowVersion,
      find: batchAcrossRequests((ids) => statements.findByIds(ids)),
      revalidate: (known) => statements.revalidate(known),
    };
    const { layer, keyOf, versionOf } = this.#records;
    this.#priming = { layer, keyOf: ({ id }) => keyOf(id), versionOf, bytesOf: definition.shape.bytes };
  }

  /** The relations through which a page can bring rows along, by the names of their properties. */
  relations: readonly string[] = [];

  /** Lets pages bring along what their rows refer to. Relations to what is in no collection are left alone. */
  relate(all: ReadonlyMap<unknown, OpenCollection<Identified, unknown, string>>): void {
    for (const column of this.definition.columns) {
      const target = column.target && all.get(column.target);
      if (target) this.#relations.set(column.property, new RelationPrefetch(column, target));
    }
    this.relations = [...this.#relations.keys()];
  }

  /**
   * The record with this id, `null` when there is none: at once if the cache has it, otherwise with all that is asked for
   * in the same turn of the event loop, in one statement.
   * @throws {StationmasterError} UNAVAILABLE when the database does not answer in time
   */
  findById(id: string, operation: Operation): Row | null | Promise<Row | null> {
    return this.records(operation).load(id);
  }

  /**
   * The records in the order of `ids`, `null` for each that does not exist.
   * @throws {StationmasterError} as `findById`
   */
  find(ids: readonly string[], operation: Operation): Promise<(Row | null)[]> {
    return this.records(operation).loadMany(ids);
  }

  /**
   * One page of a list, with the records that its rows refer to through the relations that are shown.
   * @throws {StationmasterError} as `findById`
   */
  async page(request: PageRequest, operation: Operation): Promise<PageRows<Row>> {
    const { page, rows } = await this.#readPage(request, operation);
    for (const property of request.shows) {
      // When that fails, the fields that show them try again, and say what is wrong.
      await this.#relations
        .get(property)
        ?.readOf(rows, operation)
        .catch(() => {});
    }
    return { rows, hasMore: page.next !== null };
  }

  /** Reads a page again if rows of it were deleted meanwhile: without them it would be right at no moment. */
  async #readPage(request: PageRequest, operation: Operation): Promise<{ page: Page; rows: Row[] }> {
    const { pages, records, entriesOf } = this.#loads(operation);
    for (let attempt = 1; ; attempt++) {
      const page = await pages.load(request);
      const entries = entriesOf.get(page);
      const loaded = entries && records.findStored(page.ids, entries);
      if (loaded) return { page, rows: loaded };
      const found = await records.loadMany(page.ids);
      const rows = found.filter((row) => row !== null);
      if (rows.length === found.length || attempt === MAX_PAGE_READS) return { page, rows };
      pages.clear(request);
    }
  }

  /**
   * How many rows fit the filter.
   * @throws {StationmasterError} as `findById`
   */
  count(filter: NormalizedFilter, operation: Operation): Promise<number> {
    return this.#loads(operation).counts.load(filter);
  }

  /**
   * All rows that fit the filter as they are now, in order, past the cache. The caller closes it.
   * @throws as `Database.openCursor`
   */
  async scan(filter: NormalizedFilter, order: ListOrder): Promise<Scan<Row>> {
    const cursor = await this.#statements.openCursor(filter, order);
    return {
      next: async (count) => (await cursor.fetch(count)).map(({ row }) => this.#readJson(row)),
      close: () => cursor.close(),
    };
  }

  #readJson(row: string): Row {
    const record = this.definition.shape.fromJson(JSON.parse(row));
    if (!record) throw new TypeError(`The table ${this.definition.table} does not have the columns of its entity.`);
    return record;
  }

  /**
   * The figures of the rows that fit the filter, exact and without SQL once they are loaded.
   * @param filter `null` when no row can fit
   * @throws {StationmasterError} as `findById`
   */
  summary(filter: NormalizedFilter | null, operation: Operation): Promise<Summary> {
    return this.#summaries.read(filter, operation);
  }

  /** The operation's own store of records. */
  records(operation: Operation): RecordLoader<Row> {
    return this.#loads(operation).records;
  }

  /**
   * Stores records that a load brought along, for all operations and for this one.
   * @returns as `FillLease.primeAll`
   */
  prime(rows: readonly Row[], lease: FillLease, operation: Operation): Primed[] {
    const primed = lease.primeAll(rows, this.#priming);
    this.records(operation).prime(rows, primed);
    return primed;
  }

  #loads(operation: Operation): Loads<Row> {
    return operation.once(this, this.#createLoads);
  }

  /** One function for all operations: a page asks for the loads with each of its rows. */
  readonly #createLoads = (operation: Operation): Loads<Row> => {
    const { definition } = this;
    return {
      records: new RecordLoader({ ...this.#records, trace: operation.reads, reload: operation.asksDatabase }),
      pages: new DataLoader((requests) => this.#readPages(requests, operation), {
        cacheKeyFn: (request) => definition.listKey(request),
      }),
      counts: new DataLoader((filters) => this.#readCounts(filters, operation), {
        cacheKeyFn: (filter) => definition.countKey(filter),
        // Nested lists without rows are ready before the others; a turn later all of them are, and are counted together.
        batchScheduleFn: (dispatch) => setImmediate(dispatch),
      }),
      entriesOf: new Map(),
    };
  };

  #readPages(requests: readonly PageRequest[], operation: Operation): Promise<Page[]> {
    const { definition } = this;
    // Two readers that read a page again ask for it twice.
    const keys = requests.map((request) => definition.listKey(request));
    const requestOf = new Map(keys.map((key, index) => [key, requests[index]!]));
    return this.#cache.readMany<Page>(
      keys,
      (missing, lease) =>
        this.#loadPages(
          missing.map((key) => requestOf.get(key)!),
          lease,
          operation,
        ),
      { ...this.#pagesAsEntries(requestOf), reload: operation.asksDatabase, trace: operation.reads },
    );
  }

  /** A function of its own: the cache keeps these closures with a page, and with them everything in their scope. */
  #pagesAsEntries(requestOf: ReadonlyMap<string, PageRequest>): ReadOptions<Page> {
    const { definition } = this;
    return {
      layer: definition.listLayer,
      tagsOf: (key) => definition.listTags(requestOf.get(key)!),
      isAffectedBy: (change, page, key) => definition.isPageAffected(requestOf.get(key)!, page, change),
      requestOf: (key) => requestOf.get(key),
    };
  }

  /** Lists that differ only in the row they are restricted to are loaded in one statement, each other one in its own. */
  async #loadPages(requests: readonly PageRequest[], lease: FillLease, operation: Operation): Promise<Page[]> {
    await afterPolling();
    const rowsOf = await this.#loadByShape(
      requests,
      (request) => request.filter,
      ({ shows: _shows, ...list }) => list,
      (request) => this.#loadPage(request, lease, operation),
      (list, scope, ids) => this.#statements.findPageOfEach(list, scope, ids),
    );
    return requests.map((request, index) => this.#pageOf(request, rowsOf[index]!, lease, operation));
  }

  /** The page of these rows, which it stores. */
  #pageOf(request: PageRequest, rows: readonly Row[], lease: FillLease, operation: Operation): Page {
    const { records, entriesOf } = this.#loads(operation);
    const page = this.definition.pageOf(request, rows);
    const primed = lease.primeAll(rows, this.#priming);
    if (primed.every(isStored)) {
      primed.length = page.ids.length;
      entriesOf.set(page, request.from === 'START' ? primed : primed.reverse());
    } else {
      records.prime(rows, primed);
    }
    return page;
  }

  async #loadPage(request: PageRequest, lease: FillLease, operation: Operation): Promise<Row[]> {
    const joined = request.shows.flatMap((property) => this.#relations.get(property)?.join() ?? []);
    const rows = await this.#statements.findPage(request, joined);
    for (const each of joined) each.keep(lease, operation);
    return rows;
  }

  #readCounts(filters: readonly NormalizedFilter[], operation: Operation): Promise<number[]> {
    const { definition } = this;
    const filterOf = new Map(filters.map((filter) => [definition.countKey(filter), filter]));
    return this.#cache.readMany<number>(
      [...filterOf.keys()],
      (missing) =>
        this.#loadByShape(
          missing.map((key) => filterOf.get(key)!),
          (filter) => filter,
          () => ({}),
          (filter) => this.#statements.count(filter),
          (filter, scope, ids) => this.#statements.countOfEach(filter, scope, ids),
        ),
      { ...this.#countsAsEntries(filterOf), reload: operation.asksDatabase, trace: operation.reads },
    );
  }

  /** A function of its own, as `#pagesAsEntries`. */
  #countsAsEntries(filterOf: ReadonlyMap<string, NormalizedFilter>): ReadOptions<number> {
    const { definition } = this;
    return {
      layer: definition.countLayer,
      tagsOf: (key) => definition.countTags(filterOf.get(key)!),
      isAffectedBy: (change, _count, key) => definition.isCountAffected(filterOf.get(key)!, change),
      requestOf: (key) => filterOf.get(key),
    };
  }

  /** Loads together what differs only in the row it is restricted to, and one by one what is not, or alone in its kind. */
  async #loadByShape<Request, Result>(
    requests: readonly Request[],
    filterOf: (request: Request) => NormalizedFilter,
    keyedBy: (request: Request) => object,
    loadOne: (request: Request) => Promise<Result>,
    loadEach: (alike: Request, scope: FilterPart, ids: readonly string[]) => Promise<Result[]>,
  ): Promise<Result[]> {
    const results = new Map<Request, Result>();
    const groups = Map.groupBy(requests, (request) => {
      const filter = filterOf(request);
      const scope = this.definition.scopeOf(filter);
      if (scope === undefined) return null;
      return `${scope.name} ${stableJson({ ...keyedBy(request), filter: { ...filter, [scope.name]: undefined } })}`;
    });
    await Promise.all(
      [...groups].map(async ([shape, alike]) => {
        const loaded =
          shape === null || alike.length === 1
            ? await Promise.all(alike.map(loadOne))
            : await this.#loadEach(alike, filterOf, loadEach);
        alike.forEach((request, index) => {
          results.set(request, loaded[index]!);
        });
      }),
    );
    return requests.map((request) => results.get(request)!);
  }

  #loadEach<Request, Result>(
    alike: readonly Request[],
    filterOf: (request: Request) => NormalizedFilter,
    loadEach: (alike: Request, scope: FilterPart, ids: readonly string[]) => Promise<Result[]>,
  ): Promise<Result[]> {
    const scope = this.definition.scopeOf(filterOf(alike[0]!))!;
    return loadEach(
      alike[0]!,
      scope,
      alike.map((request) => filterOf(request)[scope.name] as string),
    );
  }
}
