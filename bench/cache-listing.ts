import { setImmediate } from 'node:timers/promises';
import { Cache, type EntryOrder } from '../src/cache/index.ts';
import { median } from './median.ts';

/*
 * Measures how long a list of 100,000 cache entries keeps the event loop from other work, and how long it takes: the figures
 * that docs/debugging.md quotes. They are CPU time of the main thread, which other work on the machine hardly affects.
 *
 *   node bench/cache-listing.ts [rounds]
 */

const ENTRIES = 100_000;
const ROUNDS = Number(process.argv[2] ?? 10);

const ORDERS: readonly EntryOrder[] = [
  { by: 'key', direction: 'ASC' },
  { by: 'bytes', direction: 'DESC' },
  { by: 'storedAtMs', direction: 'ASC' },
  { by: 'hits', direction: 'DESC' },
];
/** The second one is the slowest kind to match. */
const PATTERNS = ['*', `*${'?'.repeat(30)}*0*`];

const cache = new Cache({ maxEntries: ENTRIES });
for (let at = 0; at < ENTRIES; at++) {
  // In no order, as the keys of rows are.
  const key = `workstations_${((at * 77_773) % ENTRIES).toString(16).padStart(32, '0')}`;
  cache.set(key, Object.freeze({ id: key, version: 1 }), {
    layer: 'workstations',
    version: 1,
    bytes: 100 + (at % 997),
  });
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The longest turn of the event loop while `work` runs, and all of them. */
async function longestTurn(work: () => Promise<unknown>): Promise<{ longestMs: number; tookMs: number }> {
  let isOver = false;
  let longestMs = 0;
  const startedAtMs = cpuMs();
  const worked = work().finally(() => {
    isOver = true;
  });
  for (let lastMs = startedAtMs; !isOver; ) {
    await setImmediate();
    const nowMs = cpuMs();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  }
  await worked;
  return { longestMs, tookMs: cpuMs() - startedAtMs };
}

console.log('pattern | order | longest turn, ms: median | worst | whole list, ms');
console.log('------- | ----- | -----------------------: | ----: | -------------:');
for (const pattern of PATTERNS) {
  for (const order of ORDERS) {
    const list = () => cache.inspection.list({ pattern, order, size: 500 });
    await longestTurn(list);
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await longestTurn(list));
    const longest = rounds.map(({ longestMs }) => longestMs);
    const figures = [median(longest), Math.max(...longest), median(rounds.map(({ tookMs }) => tookMs))];
    const name = pattern.length > 10 ? `${pattern.slice(0, 5)}…` : pattern;
    console.log([name, `${order.by} ${order.direction}`, ...figures.map((ms) => ms.toFixed(1))].join(' | '));
  }
}
