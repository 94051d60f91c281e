import type { Scheduler } from 'fast-check';
import { Cache, type CacheOptions, type FillLease } from '../../src/cache/index.ts';
import { createTestClock } from '../support/test-clock.ts';

/** A row of the model database; its version rises with every write to its key. */
export interface Row {
  readonly version: number;
  readonly isOnline: boolean;
}

export interface Write {
  /** `null` deletes. */
  readonly row: { readonly isOnline: boolean } | null;
  /** Whether the announcement brings the content along. */
  readonly isKnown: boolean;
}

interface RowChange {
  readonly old: Row | null | undefined;
  readonly new: Row | null | undefined;
}

const ONLINE_LIST = 'items_list_online';

/**
 * A database, its announcements in the order of the commits, and a cache in front of them. Every step that takes time in
 * reality (a query on its way there and back, an announcement on its way) waits for the scheduler, which tries all orders.
 *
 * It knows the oldest state of each key that a read which begins now may see. A read that finds less fails the test.
 */
export function createWorld(scheduler: Scheduler, keys: readonly string[], options: CacheOptions) {
  const clock = createTestClock();
  const cache = new Cache({ clock, ...options });
  const histories = new Map<string, (Row | null)[]>(keys.map((key) => [key, [{ version: 1, isOnline: true }]]));
  /** The index in its history of the oldest state of a key that may still be read. */
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

    /** The states that reads which begin now may see, for `findRow` and `findMembership`. */
    floorsNow: () => new Map(minimumVersions),

    /** @throws {Error} unless the row is a state of the key not older than `minimum`; returns the index of that state */
    findRow(key: string, row: Row | null, minimum: number): number {
      const index = history(key).findIndex((state, at) => at >= minimum && state?.version === row?.version);
      if (index >= 0) return index;
      throw new Error(`${key} was read as ${JSON.stringify(row)}, which is older than state ${minimum}.`);
    },

    /** @throws {Error} unless the key was in the list, or not in it, in a state not older than `minimum` */
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
        // Writers do not wait for an announcement that cannot come: the write is answered at once.
        minimumVersions.set(key, index);
        return;
      }
      onTheirWay.push({ key, index, isKnown });
      await pause(`announcement on its way`);
      announceNext();
    },

    /** The connection is lost, and with it what is on its way; some time later it is back. */
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
