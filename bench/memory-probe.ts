import type { Cache as CacheType, ReadTrace as ReadTraceType } from '../src/cache/index.ts';
import type { ResponseCache as ResponseCacheType } from '../src/operations/response-cache.ts';

/*
 * Measures the memory of the cache itself, in a process that does nothing else. Memory is read after a garbage
 * collection, with and without the entries.
 */

const { Cache, ReadTrace } = (await import('../dist/src/cache/index.js' as string)) as {
  Cache: typeof CacheType;
  ReadTrace: typeof ReadTraceType;
};
const { ResponseCache } = (await import('../dist/src/operations/response-cache.js' as string)) as {
  ResponseCache: typeof ResponseCacheType;
};

const CACHED = 50_000;
const BATCH = 50;
const DISTINCT_KEYS = 1_000_000;
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_ENTRIES = 50_000;

export interface MemoryFigures {
  /** Bytes of a workstation as JSON. */
  readonly ownBytes: number;
  /** Heap bytes per cached workstation, including the record. */
  readonly heapBytes: number;
  /**
   * The highest use while `DISTINCT_KEYS` keys were read, as a share of the bound: by the cache's own account, and on
   * the heap.
   */
  readonly accountedShare: number;
  readonly heapShare: number;
  readonly entriesShare: number;
  /** The same for cached responses, each to a different request, without the workstations they show. */
  readonly answersHeapShare: number;
}

async function measure(): Promise<MemoryFigures> {
  return {
    ...(await measureEntry()),
    ...(await measureByteBound()),
    ...(await measureEntryBound()),
    ...(await measureAnswers()),
  };
}

async function measureEntry(): Promise<Pick<MemoryFigures, 'ownBytes' | 'heapBytes'>> {
  let ownBytes = 0;
  for (let index = 0; index < CACHED; index++) ownBytes += workstationJson(index).length;
  const cache = new Cache();
  const before = heapBytes();
  await fill(cache, 0, CACHED);
  const heap = heapBytes() - before;
  // Also keeps the cache alive until its heap use has been read.
  if (cache.getStats().size !== CACHED) throw new Error('Not everything was kept.');
  return { ownBytes: ownBytes / CACHED, heapBytes: heap / CACHED };
}

async function measureByteBound(): Promise<Pick<MemoryFigures, 'accountedShare' | 'heapShare'>> {
  const before = heapBytes();
  const cache = new Cache({ maxBytes: MAX_BYTES, maxEntries: DISTINCT_KEYS });
  const worst = { accountedShare: 0, heapShare: 0 };
  for (let from = 0; from < DISTINCT_KEYS; from += DISTINCT_KEYS / 10) {
    await fill(cache, from, from + DISTINCT_KEYS / 10);
    worst.accountedShare = Math.max(worst.accountedShare, cache.getStats().bytes / MAX_BYTES);
    worst.heapShare = Math.max(worst.heapShare, (heapBytes() - before) / MAX_BYTES);
  }
  return worst;
}

async function measureEntryBound(): Promise<Pick<MemoryFigures, 'entriesShare'>> {
  const cache = new Cache({ maxEntries: MAX_ENTRIES });
  let most = 0;
  for (let from = 0; from < DISTINCT_KEYS; from += DISTINCT_KEYS / 10) {
    await fill(cache, from, from + DISTINCT_KEYS / 10);
    most = Math.max(most, cache.getStats().size);
  }
  return { entriesShare: most / MAX_ENTRIES };
}

/** Requests one workstation after the other, each time with a new request. */
async function measureAnswers(): Promise<Pick<MemoryFigures, 'answersHeapShare'>> {
  const cache = new Cache();
  await fill(cache, 0, BATCH);
  const before = heapBytes();
  const answers = new ResponseCache(cache, { maxBytes: MAX_BYTES });
  const viewer = { subject: 'probe', roles: ['VIEWER'], isAnonymous: true, expiresAtMs: null } as const;
  let answersHeapShare = 0;
  for (let index = 0; index < DISTINCT_KEYS; index++) {
    const reads = new ReadTrace();
    const place = index % BATCH;
    await cache.readMany([`workstations_${idOf(place)}`], neverAsked, { layer: 'workstations', trace: reads });
    const request = `JSON {"query":"query Q${index} { workstation(id: \\"${idOf(place)}\\") { id name } }"}`;
    const body = Buffer.from(`{"data":{"workstation":${workstationJson(place)}}}`);
    const answer = { body, operationName: `Q${index}` };
    answers.keep(answers.keyOf(viewer, request)!, answer, reads);
    if (index % (DISTINCT_KEYS / 10) === 0) {
      answersHeapShare = Math.max(answersHeapShare, (heapBytes() - before) / MAX_BYTES);
    }
  }
  return { answersHeapShare };
}

function neverAsked(): never {
  throw new Error('It was cached.');
}

/** Reads workstations through the cache in pages, as the loaders do. */
async function fill(cache: CacheType, from: number, to: number): Promise<void> {
  for (let first = from; first < to; first += BATCH) {
    const keys = Array.from({ length: BATCH }, (_, index) => `workstations_${idOf(first + index)}`);
    await cache.readMany(keys, async () => keys.map((_key, index) => JSON.parse(workstationJson(first + index))), {
      layer: 'workstations',
      versionOf: ({ version }: { version: number }) => version,
    });
  }
}

function idOf(index: number): string {
  return `018f0000-0000-7000-8000-${index.toString(16).padStart(12, '0')}`;
}

/** A row as the database sends it: no two rows share a string object. */
function workstationJson(index: number): string {
  return JSON.stringify({
    id: idOf(index),
    name: `BER-DEV-${index}`,
    hostname: `ber-dev-${index}.fleet.example`,
    ipAddress: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    operatingSystem: 'Windows 11 24H2',
    status: 'ONLINE',
    cpuUsage: 12.5,
    memoryUsage: 45.1,
    diskUsage: 77.3,
    lastSeenAtMs: 1_767_225_540_000 + index,
    managerId: idOf(index % 100),
    createdAtMs: 1_700_000_000_000 + index,
    updatedAtMs: 1_767_225_540_000 + index,
    version: 1,
  });
}

/** Live bytes, on the heap and in external buffers. */
function heapBytes(): number {
  global.gc!();
  // Buffers are swept on another thread; the second collection waits for it.
  global.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

process.send!(await measure());
