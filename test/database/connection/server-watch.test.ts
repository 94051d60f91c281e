import { EventEmitter } from 'node:events';
import type { Pool } from 'pg';
import { ServerWatch } from '../../../src/database/connection/server-watch.ts';

/** A pool as far as it is watched: it takes out what fails while it is idle, and what was destroyed when it is released. */
class FakePool extends EventEmitter {
  readonly open = new Set<FakeClient>();

  constructor(watch: ServerWatch) {
    super();
    watch.govern(this as unknown as Pool);
  }

  acquire(client: FakeClient): FakeClient {
    this.open.add(client);
    client.isIdle = false;
    this.emit('acquire', client);
    return client;
  }

  release(client: FakeClient): void {
    client.isIdle = true;
    this.emit('release', undefined, client);
    if (client.isDestroyed) this.remove(client);
    else client.once('error', () => this.remove(client));
  }

  remove(client: FakeClient): void {
    this.open.delete(client);
    this.emit('remove', client);
  }
}

class FakeClient extends EventEmitter {
  isIdle = false;
  isDestroyed = false;
  isOutdated = false;
  readonly server: string;

  constructor(server: string) {
    super();
    this.server = server;
  }

  destroy(): void {
    this.isDestroyed = true;
  }
}

function createWatch() {
  const watch = new ServerWatch();
  const changes: string[] = [];
  watch.onChange(() => changes.push('changed'));
  const pools = [new FakePool(watch), new FakePool(watch)] as const;
  /** As a pool opens a connection: what server it leads to is known before it is handed out. */
  const open = (pool: FakePool, server: string, client = new FakeClient(server)) => {
    watch.observe(server);
    return pool.acquire(client);
  };
  return { watch, changes, pools, open };
}

test('Connections that lead to one server are left alone', () => {
  const { changes, pools, open } = createWatch();
  for (const pool of pools) pool.release(open(pool, 'a'));
  const again = pools[0].acquire([...pools[0].open][0]!);
  pools[0].release(again);
  expect([changes, pools.map(({ open }) => open.size)]).toEqual([[], [1, 1]]);
});

test('A connection to another server ends those to the one before, in all pools, busy or idle', () => {
  const { changes, pools, open } = createWatch();
  const busy = open(pools[0], 'a');
  pools[1].release(open(pools[1], 'a'));
  const first = open(pools[1], 'b');
  expect([changes, busy.isDestroyed, [...pools[1].open]]).toEqual([['changed'], true, [first]]);
  pools[0].release(busy);
  expect(pools[0].open.size).toBe(0);
});

test('The change is told before the connection is used, and not told of the connection of the change feed', () => {
  const { watch, changes, pools, open } = createWatch();
  pools[0].release(open(pools[0], 'a'));
  watch.adopt('b');
  expect([changes, pools[0].open.size]).toEqual([[], 0]);
  watch.observe('c');
  expect(changes).toEqual(['changed']);
});

test('A connection to one server that was opened while another one was found is not used', () => {
  const { watch, pools } = createWatch();
  const late = new FakeClient('a');
  watch.observe('a');
  watch.observe('b');
  pools[0].acquire(late);
  expect(late.isDestroyed).toBe(true);
});

test('All connections are replaced when the tables are others: idle ones at once, busy ones when they are free', () => {
  const { watch, changes, pools, open } = createWatch();
  const busy = open(pools[0], 'a');
  pools[1].release(open(pools[1], 'a'));
  watch.replaceAll();
  expect([busy.isDestroyed, pools[0].open.size, pools[1].open.size]).toEqual([false, 1, 0]);
  pools[0].release(busy);
  pools[0].release(open(pools[0], 'a'));
  expect([changes, pools[0].open.size]).toEqual([[], 1]);
});

test('A write that was refused because the database only reads costs its pool all connections of that time', () => {
  const { pools, open } = createWatch();
  const [refused, busy, idle] = [open(pools[0], 'a'), open(pools[0], 'a'), open(pools[0], 'a')];
  pools[0].release(idle);
  pools[1].release(open(pools[1], 'a'));
  refused.isOutdated = true;
  pools[0].release(refused);
  expect([...pools[0].open]).toEqual([busy]);
  pools[0].release(busy);
  expect(pools.map(({ open }) => open.size)).toEqual([0, 1]);
});

test('A pool that tells of no server is left alone', () => {
  const { pools } = createWatch();
  const client = pools[0].acquire(new FakeClient('a'));
  pools[0].release(client);
  expect([client.isDestroyed, pools[0].open.size]).toEqual([false, 1]);
});
