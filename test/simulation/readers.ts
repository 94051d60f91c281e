import { createOperation, type Operation } from '../../src/collections/index.ts';
import { OutageError } from './database-connection.ts';
import { type Instance, STALE_IF_ERROR_SECONDS } from './instance.ts';
import { nameOf, type Window } from './judge.ts';
import { ListOracle, type ListQuery } from './lists.ts';
import { definitionOf, IDS, type Table } from './rows.ts';
import type { World } from './world.ts';

/** How many queries readers ask for, so that lists are hit. */
const QUERIES = 12;
const RECORDS_PER_LIST = 15;
const NOTES = ['e', 'WIDE', 'near', 'é'];

/** Readers on all instances: bursts of single records, lists, counts, several at once, and the cache itself. */
export class Readers {
  readonly #world: World;
  #oracles: ListOracle[];

  constructor(world: World) {
    this.#world = world;
    this.#oracles = Array.from({ length: QUERIES }, () => new ListOracle(this.#drawQuery(), world.history));
  }

  start(): void {
    const { world, climate } = { world: this.#world, climate: this.#world.climate };
    world.instances.forEach((_, index) => {
      world.repeat(climate.readPeriodMs, () => {
        const instance = world.instances[index]!;
        // A paused process does nothing.
        if (instance.owner.pausedUntilMs > world.time.now()) return;
        world.time.owner = instance.owner;
        this.#read(instance);
      });
    });
    // Other lists after a while, so that there are lists which are new to the cache.
    world.repeat(3000, () => {
      this.#oracles[world.random.whole(0, QUERIES - 1)] = new ListOracle(this.#drawQuery(), world.history);
    });
  }

  #read(instance: Instance): void {
    const { random, climate } = this.#world;
    const count = random.whole(1, climate.burst);
    for (let index = 0; index < count; index++) this.#readRecord(instance);
    for (let index = 0; index < count; index += RECORDS_PER_LIST) {
      this.#readList(instance, random.pickSkewed(this.#oracles));
    }
    if (random.chance(0.1)) this.#readLists(instance);
    if (random.chance(0.3)) this.#readSeveral(instance);
    if (random.chance(0.1)) this.#lookIntoCache(instance);
  }

  #drawRow(): [Table, string] {
    const { random } = this.#world;
    const place = random.next();
    const table = place < 0.85 ? 'desk' : place < 0.95 ? 'studio' : 'keeper';
    return [table, random.pickSkewed(IDS[table])];
  }

  #readRecord(instance: Instance): void {
    const world = this.#world;
    const [table, id] = this.#drawRow();
    const operation = createOperation();
    const window = world.window(instance);
    const found = instance.open(table).findById(id, operation);
    if (found instanceof Promise) {
      const judge = (record: object | null, seen: Window) => world.judge.judgeRecord(seen, table, id, record);
      this.#follow(`a read of ${nameOf(table, id)}`, { instance, operation, window }, found, judge);
      return;
    }
    world.reads++;
    world.judge.judgeRecord(window, table, id, found);
  }

  #readSeveral(instance: Instance): void {
    const world = this.#world;
    const ids = [...new Set(Array.from({ length: world.random.whole(2, 8) }, () => world.random.pick(IDS.desk)))];
    const operation = createOperation();
    const reads = { instance, operation, window: world.window(instance) };
    const found = instance.open('desk').find(ids, operation);
    this.#follow(`a read of ${ids.length} desks`, reads, found, (records, window) => {
      for (const [index, id] of ids.entries()) world.judge.judgeRecord(window, 'desk', id, records[index]!);
    });
  }

  #readList(instance: Instance, oracle: ListOracle, operation = createOperation()): void {
    const world = this.#world;
    const { filter, page } = oracle.query;
    const desks = instance.open('desk');
    const normalized = definitionOf.desk.normalizeFilter(filter);
    if (normalized === null) return;
    const reads = { instance, operation, window: world.window(instance) };
    if (!page && world.random.chance(0.5)) {
      this.#follow('a summary', reads, desks.summary(normalized, operation), (summary, window) =>
        world.judge.judgeSummary(window, filter, summary),
      );
      return;
    }
    if (!page) {
      this.#follow('a count', reads, desks.count(normalized, operation), (count, window) =>
        world.judge.judgeCount(window, oracle, count),
      );
      return;
    }
    const shows = world.random.chance(0.5) ? ['studio'] : [];
    const found = desks.page({ ...page, filter: normalized, shows }, operation);
    this.#follow('a page', reads, found, ({ rows, hasMore }, window) => {
      for (const record of rows) world.judge.judgeRecord(window, 'desk', record.id, record);
      const ids = rows.map(({ id }) => id);
      world.judge.judgePage(window, oracle, ids, hasMore);
    });
  }

  /** Several lists in one operation; those that differ only in the studio are loaded together. */
  #readLists(instance: Instance): void {
    const { random, history } = this.#world;
    const operation = createOperation();
    const oracle = random.pick(this.#oracles);
    this.#readList(instance, oracle, operation);
    const { homeless: _homeless, ...filter } = oracle.query.filter;
    for (const studioId of random.shuffle(IDS.studio).slice(0, 2)) {
      this.#readList(
        instance,
        new ListOracle({ ...oracle.query, filter: { ...filter, studioId } }, history),
        operation,
      );
    }
  }

  #lookIntoCache(instance: Instance): void {
    const world = this.#world;
    const [table, id] = this.#drawRow();
    const window = world.window(instance);
    const record = instance.cache.get(definitionOf[table].keyOf(id)) as object | null | undefined;
    world.reads++;
    if (record !== undefined) world.judge.judgeRecord(window, table, id, record);
  }

  #follow<Result>(
    what: string,
    { instance, operation, window }: { instance: Instance; operation: Operation; window: Window },
    found: Promise<Result>,
    judge: (result: Result, window: Window) => void,
  ): void {
    const world = this.#world;
    const startedAtMs = world.time.now();
    const pending = { what, startedAtMs, instance };
    world.pending.add(pending);
    const staleWindow = world.window(instance, 1000 * STALE_IF_ERROR_SECONDS);
    const end = (isStale: boolean) => {
      world.pending.delete(pending);
      world.reads++;
      world.trace.mix(Math.round(1000 * world.time.elapsedMs));
      if (isStale && !world.mayHaveFailed(instance, startedAtMs)) {
        world.report(
          'failed',
          '',
          `${what} on instance ${instance.index} was answered with stale values without an outage.`,
        );
      }
    };
    found.then(
      (result) => {
        if (instance.owner.isDead) return;
        const isStale = operation.reads.stale > 0;
        end(isStale);
        judge(result, isStale ? staleWindow : window);
      },
      (error) => {
        if (instance.owner.isDead) return;
        end(false);
        if (error instanceof OutageError && world.mayHaveFailed(instance, startedAtMs)) return;
        const text = error instanceof Error ? error.stack : String(error);
        world.report('failed', '', `${what} on instance ${instance.index} failed: ${text}`);
      },
    );
  }

  #drawQuery(): ListQuery {
    const { random } = this.#world;
    const kind = random.chance(0.3) && { kind: [random.pick(['SITTING', 'STANDING'])] };
    const studioId = random.chance(0.3) && { studioId: random.pick(IDS.studio) };
    const keeperId = random.chance(0.2) && { keeperId: random.pick(IDS.keeper) };
    const homeless = !studioId && random.chance(0.2) && { homeless: random.chance(0.5) };
    const noteContains = random.chance(0.2) && { noteContains: random.pick(NOTES) };
    const filter = { ...kind, ...studioId, ...keeperId, ...homeless, ...noteContains };
    if (random.chance(0.3)) return { filter, page: null };
    const field = random.pick(['LABEL', 'KIND', 'SEATS', 'BOUGHT_AT'] as const);
    const [after, before] = [0.3, 0.2].map((share) =>
      random.chance(share) ? { value: this.#drawPosition(field), id: random.pick(IDS.desk) } : null,
    );
    const order = { field, direction: random.pick(['ASC', 'DESC'] as const) };
    const from = random.chance(0.4) ? 'END' : 'START';
    return { filter, page: { order, size: random.pick([1, 3, 10, 50]), from, after: after!, before: before! } };
  }

  #drawPosition(field: 'LABEL' | 'KIND' | 'SEATS' | 'BOUGHT_AT'): string | number | null {
    const { random } = this.#world;
    switch (field) {
      case 'LABEL':
        return `desk ${random.whole(0, 20)}`;
      case 'KIND':
        return random.pick(['SITTING', 'STANDING']);
      case 'SEATS':
        return random.pick([null, 1, 2, 3]);
      case 'BOUGHT_AT':
        return random.pick([null, ...BOUGHT_AT_MS]);
    }
  }
}

export const BOUGHT_AT_MS = [-1, Date.parse('2026-01-01T00:00:00Z'), Date.parse('2026-06-30T12:00:00.001Z')];
