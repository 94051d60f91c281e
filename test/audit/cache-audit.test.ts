import { CacheAudit, type StaleFindings } from '../../src/audit/index.ts';
import { Cache, ServedSample } from '../../src/cache/index.ts';
import type { Found } from '../../src/collections/index.ts';
import { createManualTimers } from '../websocket/manual-timers.ts';

interface Row {
  readonly version: number;
}

/** An audit of a cache of records whose database is a map, and whose statements and echoes the test can follow. */
function createWorld() {
  const timers = createManualTimers();
  const sample = new ServedSample({ percent: 100 });
  const cache = new Cache({ sample });
  const rows = new Map<string, Row>();
  const findings: StaleFindings[] = [];
  const state = { isBusy: false, feed: { state: 'live', gaps: 0 }, statements: 0, statementMs: 0 };
  const hooks = { beforeEcho: () => {} };
  const audit = new CacheAudit({
    sample,
    cache,
    collections: {
      all: [
        {
          rereads: {
            of: (entries) =>
              entries.map((entry) => ({
                of: 'records' as const,
                run: async (): Promise<Found[]> => {
                  state.statements += 1;
                  timers.advance(state.statementMs);
                  const version = rows.get(entry.key)?.version ?? null;
                  return [{ entry, isSame: version === entry.version, version }];
                },
              })),
          },
        },
      ],
    },
    feed: {
      get state() {
        return state.feed.state as 'live';
      },
      get gaps() {
        return state.feed.gaps;
      },
      proveNow: async () => hooks.beforeEcho(),
    },
    isBusy: () => state.isBusy,
    onStale: (found) => findings.push(found),
    onError: (error) => {
      throw error;
    },
    timers,
  });
  const read = (key: string) =>
    cache.read<Row>(key, async () => rows.get(key)!, { layer: 'records', versionOf: ({ version }) => version });
  const write = (key: string, version: number) => void rows.set(key, { version });
  const announce = (key: string, version: number) =>
    cache.announce({ records: [{ key, version, value: { version } }], tags: [], change: null });
  return { audit, cache, findings, hooks, read, rows, state, timers, write, announce };
}

const settle = () => new Promise(setImmediate);

test('A value whose change was never announced is stale, and leaves the cache', async () => {
  const { audit, cache, findings, read, write } = createWorld();
  write('a', 1);
  await read('a');
  write('a', 2);
  await audit.round();
  expect(audit.figures).toEqual({ audited: 1, stale: { announcement: 0, silence: 1, unknown: 0 } });
  expect(findings).toEqual([{ count: 1, examples: [{ key: 'a', after: 'silence', served: 1, stored: 2 }] }]);
  expect(cache.get('a')).toBeUndefined();
});

test('A change that is heard while the audit waits for its echo was on its way: nothing is stale', async () => {
  const { announce, audit, cache, hooks, read, write } = createWorld();
  write('a', 1);
  await read('a');
  write('a', 2);
  hooks.beforeEcho = () => announce('a', 2);
  await audit.round();
  expect(audit.figures).toEqual({ audited: 0, stale: { announcement: 0, silence: 0, unknown: 0 } });
  expect(cache.get('a')).toEqual({ version: 2 });
});

test('A value that was announced as changed before it was served is stale, even when it has left since', async () => {
  const { announce, audit, cache, hooks, read, write } = createWorld();
  write('a', 1);
  await read('a');
  write('a', 2);
  announce('a', 2);
  // A cache with a fault that let a late load store what it had found.
  cache.delete('a');
  write('a', 1);
  await read('a');
  write('a', 2);
  hooks.beforeEcho = () => cache.delete('a');
  await audit.round();
  expect(audit.figures.stale).toEqual({ announcement: 1, silence: 0, unknown: 0 });
});

test('A new row with the id and the first version of an old one is not stale', async () => {
  const { announce, audit, cache, read, write } = createWorld();
  write('a', 4);
  await read('a');
  announce('a', 5);
  cache.delete('a');
  write('a', 1);
  await read('a');
  await audit.round();
  expect(audit.figures).toMatchObject({ audited: expect.any(Number), stale: { announcement: 0, silence: 0 } });
});

test('A gap in the feed makes what was found worthless', async () => {
  const { audit, hooks, read, state, write } = createWorld();
  write('a', 1);
  await read('a');
  write('a', 2);
  hooks.beforeEcho = () => {
    state.feed.gaps += 1;
  };
  await audit.round();
  expect(audit.figures.audited).toBe(0);
});

test.each([
  ['the feed is not live', { feed: { state: 'gap', gaps: 1 } }],
  ['all connections are in use', { isBusy: true }],
])('No statement is sent while %s', async (_when, now) => {
  const { audit, read, state, write } = createWorld();
  write('a', 1);
  await read('a');
  Object.assign(state, now);
  await audit.round();
  expect(state.statements).toBe(0);
});

test('A round sends nine statements at most, and one begins every second until the audit stops', async () => {
  const { audit, read, state, timers, write } = createWorld();
  const serve = async () => {
    for (let row = 0; row < 30; row++) {
      write(`a${row}`, 1);
      await read(`a${row}`);
    }
  };
  audit.start();
  for (const seconds of [1, 2, 3]) {
    await serve();
    timers.advance(999);
    await settle();
    expect(state.statements).toBe(9 * (seconds - 1));
    timers.advance(1);
    await settle();
    expect(state.statements).toBe(9 * seconds);
  }
  audit.stop();
  expect(timers.pending).toBe(0);
});

test('After slow statements the audit rests for 19 times as long', async () => {
  const { audit, read, state, timers, write } = createWorld();
  write('a', 1);
  await read('a');
  state.statementMs = 200;
  audit.start();
  timers.advance(1000);
  await settle();
  expect(timers.delaysMs).toEqual([1000, 3800]);
});
