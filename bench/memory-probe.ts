import type { Cache as CacheType, ReadTrace as ReadTraceType } from '../src/cache/index.ts';
import type { ResponseCache as ResponseCacheType } from '../src/operations/response-cache.ts';

/*
 * What the cache itself takes, in a process that does nothing else: memory is read after a collection of garbage, with
 * and without the entries.
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
  /** Of a workstation, as JSON. */
  readonly ownBytes: number;
  /** Of the heap, for each workstation that is cached, record and all. */
  readonly heapBytes: number;
  /** While so many keys went by, at worst: by the cache's own account, and on the heap; as shares of the bound. */
  readonly accountedShare: number;
  readonly heapShare: number;
  readonly entriesShare: number;
  /** The same of whole answers, each to another request, beside the workstations they show. */
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
  // Held until here, so that it is counted.
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

/** One workstation after the other is asked for, each time with a request that never came before. */
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
    const request = `POST {"query":"query Q${index} { workstation(id: \\"${idOf(place)}\\") { id name } }"}`;
    const body = Buffer.from(`{"data":{"workstation":${workstationJson(place)}}}`);
    const answer = { body, contentType: 'application/json', operationName: `Q${index}` };
    answers.keep(answers.keyOf(viewer, 'application/json', request)!, answer, reads);
    if (index % (DISTINCT_KEYS / 10) === 0) {
      answersHeapShare = Math.max(answersHeapShare, (heapBytes() - before) / MAX_BYTES);
    }
  }
  return { answersHeapShare };
}

function neverAsked(): never {
  throw new Error('It was cached.');
}

/** Reads workstations through the cache, a page at a time, as the loaders do. */
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

/** A row as it comes from the database: no two share a string. */
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

/** What lives, in the heap and beside it. */
function heapBytes(): number {
  global.gc!();
  // What buffers leave behind is swept on another thread, which the next collection waits for.
  global.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

process.send!(await measure());
