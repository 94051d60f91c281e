import type { Scheduler } from 'fast-check';
import { Cache, type CacheOptions, type FillLease } from '../../src/cache/index.ts';
import { createTestClock } from '../../src/testing/test-clock.ts';

/** A row of the model database. Its version rises with every write of its key. */
export interface Row {
  readonly version: number;
  readonly isOnline: boolean;
}

export interface Write {
  /** `null` deletes. */
  readonly row: { readonly isOnline: boolean } | null;
  /** Whether the announcement carries the content. */
  readonly isKnown: boolean;
}

interface RowChange {
  readonly old: Row | null | undefined;
  readonly new: Row | null | undefined;
}

const ONLINE_LIST = 'items_list_online';

/**
 * A model of a database, its announcements in commit order, and a cache. Every step that takes time in reality (a query and
 * its answer in flight, an announcement in flight) waits for the scheduler, which tries random orders.
 *
 * The model knows the oldest state of each key that a read which begins now may return. A read that returns an older state
 * fails the test.
 */
export function createWorld(scheduler: Scheduler, keys: readonly string[], options: CacheOptions) {
  const clock = createTestClock();
  const cache = new Cache({ clock, ...options });
  const histories = new Map<string, (Row | null)[]>(keys.map((key) => [key, [{ version: 1, isOnline: true }]]));
  /** The index, in the history of each key, of the oldest state that may still be read. */
  const minimumVersions = new Map<string, number>(keys.map((key) => [key, 0]));
  let onTheirWay: { readonly key: string; readonly index: number; readonly isKnown: boolean }[] = [];
  let isListening = true;

  const history = (key: string) => histories.get(key)!;
  const current = (key: string) => history(key).at(-1)!;
  const pause = (label: string) => scheduler.schedule(Promise.resolve(), label);

  async function query<T>(label: string, look: () => T): Promise<T> {
    await pause(`${label} on its way`);
    const found = look();
    await pause(`${label} answered`);
    return found;
  }

  const recordOptions = { layer: 'items', versionOf: (row: Row | null) => row!.version };

  function readRows(names: readonly string[]): Promise<(Row | null)[]> {
    const load = (missing: readonly string[]) => query(`query of ${missing}`, () => missing.map(current));
    return cache.readMany<Row | null>(names, load, recordOptions);
  }

  function readOnlineKeys(): Promise<string[]> {
    const load = async (lease: FillLease) => {
      const rows = await query('query of the list', () =>
        keys.map((key) => ({ key, row: current(key) })).filter(({ row }) => row?.isOnline),
      );
      for (const { key, row } of rows) lease.prime(key, row, { layer: 'items', version: row!.version });
      return rows.map(({ key }) => key);
    };
    return cache.read<string[]>(ONLINE_LIST, load, {
      layer: 'items_list',
      tagsOf: () => ['items'],
      isAffectedBy: (change) => changesTheList(change as RowChange),
    });
  }

  function announceNext(): void {
    const next = onTheirWay.shift();
    if (!next) return;
    const { key, index, isKnown } = next;
    const [before, after] = [history(key)[index - 1]!, history(key)[index]!];
    const version = (after ?? before)?.version ?? 0;
    cache.announce({
      records: [{ key, version, value: isKnown || after === null ? after : undefined }],
      tags: ['items'],
      change: isKnown ? { old: before, new: after } : { old: undefined, new: undefined },
    });
    minimumVersions.set(key, index);
  }

  return {
    cache,
    clock,
    pause,
    readRows,
    readOnlineKeys,

    /** The minimum states of reads that begin now, for `findRow` and `findMembership`. */
    minimumVersionsNow: () => new Map(minimumVersions),

    /**
     * Returns the index of the row's state in the history of the key.
     * @throws {Error} when no such state is as new as `minimum`
     */
    findRow(key: string, row: Row | null, minimum: number): number {
      const index = history(key).findIndex((state, at) => at >= minimum && state?.version === row?.version);
      if (index >= 0) return index;
      throw new Error(`${key} was read as ${JSON.stringify(row)}, which is older than state ${minimum}.`);
    },

    /** @throws {Error} when no state as new as `minimum` agrees on whether the key is in the list */
    findMembership(key: string, isMember: boolean, minimum: number): void {
      if (history(key).some((state, at) => at >= minimum && (state?.isOnline ?? false) === isMember)) return;
      throw new Error(`${key} was ${isMember ? '' : 'not '}in the list, which is older than state ${minimum}.`);
    },

    async write(key: string, { row, isKnown }: Write): Promise<void> {
      const states = history(key);
      if (row === null && current(key) === null) return;
      states.push(row && { version: states.length + 1, isOnline: row.isOnline });
      const index = states.length - 1;
      if (!isListening) {
        // A writer does not wait for an announcement that cannot arrive: the write is answered at once.
        minimumVersions.set(key, index);
        return;
      }
      onTheirWay.push({ key, index, isKnown });
      await pause(`announcement on its way`);
      announceNext();
    },

    /** Loses the connection with everything in flight, and restores it later. */
    async loseConnection(): Promise<void> {
      isListening = false;
      cache.suspend();
      for (const { key, index } of onTheirWay) minimumVersions.set(key, index);
      onTheirWay = [];
      await pause('connecting');
      isListening = true;
      await pause('connected');
      cache.resume();
    },
  };
}

export type World = ReturnType<typeof createWorld>;

function changesTheList({ old, new: after }: RowChange): boolean {
  if (old === undefined || after === undefined) return true;
  return (old?.isOnline ?? false) !== (after?.isOnline ?? false);
}
