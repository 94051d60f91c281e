import { LRUCache } from 'lru-cache';
import { Cache } from '../src/cache/index.ts';
import { LruList, type LruNode } from '../src/cache/store/lru-list.ts';
import { median } from './median.ts';

/*
 * Measures what one operation of the cache costs beside lru-cache, and what its own order of use is worth: the figures that
 * docs/decisions quotes. Each store holds 100,000 entries of 200,000 keys. The figures are CPU time of the main thread, and
 * the rounds alternate between the stores, so that other work on the machine affects all of them alike.
 *
 *   node bench/cache-cost.ts [rounds]
 */

const ENTRIES = 100_000;
const OPERATIONS = 500_000;
const ROUNDS = Number(process.argv[2] ?? 15);

interface Store {
  /** Stores a value; half of the calls evict another one. */
  readonly put: (key: string) => unknown;
  /** Finds a value and marks it as used. */
  readonly find: (key: string) => unknown;
}

interface Node extends LruNode<Node> {
  readonly key: string;
  readonly value: object;
}

const keys = Array.from({ length: 2 * ENTRIES }, (_, index) => `workstations_${index}`);
const value = Object.freeze({ id: '1', version: 1 });

function createCache(withListener: boolean): Store {
  const cache = new Cache({ maxEntries: ENTRIES });
  let removals = 0;
  if (withListener) cache.onRemoval(() => removals++);
  const layer = 'workstations';
  // The size is given, as the readers of rows give it, so that the value is not walked through.
  const options = { layer, version: 1, bytes: 100 };
  return { put: (key) => cache.set(key, value, options), find: (key) => cache.findHeld(key, { layer }) };
}

/** Only a map and the order of use: what `LruList` costs by itself. */
function createListed(): Store {
  const held = new Map<string, Node>();
  const order = new LruList<Node>();
  return {
    put(key) {
      const known = held.get(key);
      if (known) order.remove(known);
      const node: Node = { key, value, newer: null, older: null };
      held.set(key, node);
      order.add(node);
      if (held.size <= ENTRIES) return;
      const oldest = order.oldest!;
      held.delete(oldest.key);
      order.remove(oldest);
    },
    find(key) {
      const node = held.get(key);
      if (node) order.touch(node);
      return node?.value;
    },
  };
}

/** With a callback for each removal, which the cache would need to keep its tags and dependencies. */
function createLibrary(ttl?: number): Store {
  let removals = 0;
  const cache = new LRUCache<string, { readonly key: string; readonly value: object }>({
    max: ENTRIES,
    ttl: ttl ?? 0,
    dispose: () => removals++,
  });
  return { put: (key) => cache.set(key, { key, value }), find: (key) => cache.get(key)?.value };
}

/** CPU time per operation. */
function nanoseconds(operation: (key: string) => unknown): number {
  let at = 0;
  const before = process.threadCpuUsage();
  for (let count = 0; count < OPERATIONS; count++) {
    operation(keys[at]!);
    // Visits all keys, in an order unlike the one in which they are stored.
    at = (at + 77_773) % keys.length;
  }
  const { user, system } = process.threadCpuUsage(before);
  return (1000 * (user + system)) / OPERATIONS;
}

const stores: Record<string, Store> = {
  Cache: createCache(false),
  'Cache with a removal listener': createCache(true),
  'map and LruList': createListed(),
  'lru-cache': createLibrary(),
  'lru-cache with a TTL': createLibrary(300_000),
};
const measured = new Map(Object.keys(stores).map((name) => [name, { put: [] as number[], find: [] as number[] }]));
for (let round = -1; round < ROUNDS; round++) {
  for (const [name, { put, find }] of Object.entries(stores)) {
    const result = { put: nanoseconds(put), find: nanoseconds(find) };
    // Removals are delivered in microtasks.
    await Promise.resolve();
    // The first round is left out, because it compiles the code.
    if (round < 0) continue;
    measured.get(name)!.put.push(result.put);
    measured.get(name)!.find.push(result.find);
  }
}
for (const [name, { put, find }] of measured) {
  console.log(`${name}: put ${Math.round(median(put))} ns, find ${Math.round(median(find))} ns`);
}
