import { jest } from '@jest/globals';
import { GenerationTier } from '../../../src/cache/redis/generation-tier.ts';
import { createFakeStore, FakeServer } from './fake-store.ts';
import { createSite, delivered, fullKeyOf, item, keyOf } from './site.ts';

const ids = (count: number) => Array.from({ length: count }, (_, index) => `${index}`);

/** Holds back the selected calls of a store until the test lets each go. */
function createGate(held: (label: string) => boolean) {
  const waiting: { readonly label: string; readonly open: () => void }[] = [];
  return {
    waiting: () => waiting.map(({ label }) => label),
    pause: async (label: string) => {
      if (!held(label)) return;
      await new Promise<void>((open) => {
        waiting.push({ label, open });
      });
    },
    /** Lets the oldest waiting call go, or the one at `place`. */
    async letGo(place = 0) {
      waiting.splice(place, 1)[0]!.open();
      await delivered();
    },
  };
}

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe('the tier is not used', () => {
  test('before the cache has resumed', async () => {
    const site = createSite();
    const { fake, secondTier } = site.createInstance('test');
    fake.up();
    await delivered();
    expect([secondTier.isUp, secondTier.generation, secondTier.visit()]).toEqual([true, null, null]);
    expect(site.messages).toEqual([]);
  });

  test('before it is up, and as soon as it is', async () => {
    const site = createSite();
    const { cache, fake, secondTier } = site.createInstance('test');
    cache.resume();
    expect([secondTier.isUp, secondTier.generation]).toEqual([false, null]);
    fake.up();
    expect([secondTier.isUp, secondTier.generation]).toEqual([true, expect.any(String)]);
  });

  test('while the feed is lost, because it may hold records whose changes were missed', async () => {
    const site = createSite();
    site.rows.set('a', item('a'));
    const instance = await site.start();
    await instance.read('a');
    await delivered();
    instance.cache.suspend();
    site.rows.set('a', item('a', 2));
    expect(await instance.read('a')).toEqual([item('a', 2)]);
    instance.fake.down();
    instance.fake.up();
    expect(await instance.read('a')).toEqual([item('a', 2)]);
    expect(instance.secondTier.generation).toBeNull();
  });

  test('unchecked after a gap, before everything that was committed in it has been announced', async () => {
    const site = createSite();
    const { cache, fake, secondTier, read } = site.createInstance('test');
    fake.up();
    // Version 3 was written, and answered, in the gap. Its announcement and that of version 2 are still on their way.
    site.rows.set('a', item('a', 3));
    site.silence(new Error('on its way'));
    cache.resume();
    cache.announce({ records: [{ key: keyOf('a'), version: 2, value: item('a', 2) }], tags: [], change: null });
    await delivered();
    expect(secondTier.generation).not.toBeNull();
    expect(await read('a')).toEqual([item('a', 3)]);
    expect(site.asked()).toEqual(['check a', 'find a']);
  });

  test('to store what a load found before the feed was lost', async () => {
    const site = createSite();
    const { secondTier } = await site.start();
    const visit = secondTier.visit()!;
    secondTier.suspend();
    visit.store(keyOf('a'), 1, item('a'));
    await delivered();
    expect(site.server.keys).toEqual([]);
  });

  test.each([
    ['away', (site) => site.fake.down()],
    ['suspended, because the feed is lost', (site) => site.secondTier.suspend()],
  ] as [string, (instance: Awaited<ReturnType<ReturnType<typeof createSite>['start']>>) => void][])(
    'after a clear while it is %s',
    async (_name, disturb) => {
      const instance = await createSite().start();
      disturb(instance);
      instance.cache.clear();
      expect(instance.secondTier.generation).toBeNull();
    },
  );

  test('after it was closed', async () => {
    const site = createSite();
    const { secondTier } = await site.start();
    await secondTier.close();
    expect([secondTier.isUp, secondTier.generation]).toEqual([false, null]);
    secondTier.announce([{ key: keyOf('a'), version: 1, value: item('a') }]);
    secondTier.resume();
    await delivered();
    expect([secondTier.generation, site.server.keys]).toEqual([null, []]);
  });
});

describe('a generation', () => {
  test('is left by an instance that resumes, even without a suspend before', async () => {
    const site = createSite();
    site.rows.set('a', item('a'));
    const instance = await site.start();
    await instance.read('a');
    await delivered();
    instance.cache.resume();
    site.asked();
    await instance.read('a');
    expect(site.asked()).toEqual(['check a']);
  });

  test('lasts while heartbeats come, and is left at the first one after a pause', async () => {
    const site = createSite();
    const instance = await site.start();
    const { generation } = instance.secondTier;
    site.waitSeconds(60, instance);
    site.clock.advanceSeconds(5);
    instance.secondTier.heartbeat();
    expect(instance.secondTier.generation).toBe(generation);
    site.clock.advanceSeconds(5.001);
    instance.secondTier.heartbeat();
    expect(instance.secondTier.generation).not.toBe(generation);
  });

  test('has a heartbeat every second from start to close', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick', 'performance', 'Date'] });
    const site = createSite();
    const { secondTier } = await site.start();
    const { generation } = secondTier;
    for (let seconds = 0; seconds < 10; seconds++) {
      site.clock.advanceSeconds(1);
      jest.advanceTimersByTime(1000);
    }
    secondTier.visit();
    expect(secondTier.generation).toBe(generation);
    await secondTier.close();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('is older than one that another process founds later, however many it had founded before', async () => {
    const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 1000);
    const MODULE = '../../../src/cache/redis/generation-tier.ts';
    // Each import is a separate instance of the module, like in separate processes.
    const found = async (processName: string, before: number) => {
      const { GenerationTier: Tier } = await import(`${MODULE}?${processName}`);
      const clock = { now: () => 0 };
      const { store, up } = createFakeStore({ server: new FakeServer(clock), clock });
      const secondTier = new Tier({ store, keyPrefix: 'test', send: async () => {}, clock });
      secondTier.start();
      secondTier.resume();
      up();
      for (let count = 0; count < before; count++) secondTier.renew();
      const { generation } = secondTier;
      await secondTier.close();
      return generation as string;
    };
    const older = await found('one-process', 3);
    now.mockReturnValue(Date.now() + 1000);
    expect(older < (await found('another-process', 0))).toBe(true);
  });

  test('uses the clock of the process by default', async () => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(1000);
    const clock = { now: () => 0 };
    const { store, up } = createFakeStore({ server: new FakeServer(clock), clock });
    const secondTier = new GenerationTier({ store, keyPrefix: 'test', send: async () => {} });
    secondTier.start();
    secondTier.resume();
    up();
    const { generation } = secondTier;
    now.mockReturnValue(6001);
    secondTier.visit();
    expect(secondTier.generation).not.toBe(generation);
    await secondTier.close();
  });

  test('is left when the tier cannot keep up with the changes, because some are dropped', async () => {
    const { cache, fake, secondTier } = await createSite().start();
    const announce = (count: number) =>
      cache.announce({
        records: ids(count).map((id) => ({ key: keyOf(id), version: 1, value: undefined })),
        tags: [],
        change: null,
      });
    const { generation } = secondTier;
    announce(20_000);
    expect(secondTier.generation).toBe(generation);
    announce(1);
    expect(secondTier.generation).not.toBe(generation);
    fake.down();
  });

  test('is left when a change could not be written', async () => {
    const site = createSite();
    let isBroken = false;
    const instance = await site.start('test', async (label) => {
      if (isBroken && label.startsWith('write')) throw new Error('broken');
    });
    site.rows.set('a', item('a'));
    await instance.read('a');
    await delivered();
    isBroken = true;
    const { generation } = instance.secondTier;
    await site.write('a', item('a', 2));
    isBroken = false;
    await delivered();
    expect(instance.secondTier.generation).not.toBe(generation);
    instance.cache.delete(keyOf('a'));
    site.asked();
    expect(await instance.read('a')).toEqual([item('a', 2)]);
    expect(site.asked()).toEqual(['find a']);
  });

  test('is left when one of several changes is written too late', async () => {
    const site = createSite();
    const { fake, secondTier } = await site.start();
    secondTier.announce([{ key: keyOf('early'), version: 1, value: item('early') }]);
    site.clock.advanceSeconds(4);
    secondTier.announce([{ key: keyOf('late'), version: 1, value: item('late') }]);
    site.clock.advanceSeconds(7);
    await delivered();
    expect(fake.restarts).toEqual([new Error('A change was written too late into the second cache tier.')]);
  });

  test('is not left when a loaded record is written too late: it is just not stored', async () => {
    const site = createSite();
    const { fake, secondTier } = await site.start();
    secondTier.visit()!.store(keyOf('a'), 1, item('a'));
    site.clock.advanceSeconds(11);
    await delivered();
    expect([fake.restarts, site.server.keys]).toEqual([[], []]);
  });
});

describe('an instance that asks for an older generation', () => {
  const sync = { command: 'sync', question: 'whose?', from: 'somebody' } as const;

  test('asks once, even if it founds further generations meanwhile', async () => {
    const site = createSite();
    const { secondTier } = await site.start();
    site.messages.length = 0;
    secondTier.rejoin();
    secondTier.rejoin();
    await delivered();
    expect(site.messages).toEqual([{ command: 'sync', question: expect.any(String), from: expect.any(String) }]);
  });

  test('does not ask if it may no longer join', async () => {
    const site = createSite();
    const { secondTier } = await site.start();
    site.messages.length = 0;
    secondTier.rejoin();
    secondTier.suspend();
    await delivered();
    expect(site.messages).toEqual([]);
  });

  test('reports that it could not ask, and continues alone', async () => {
    const site = createSite();
    const fault = new Error('The feed is lost.');
    site.silence(fault);
    const instance = await site.start();
    expect(instance.errors).toEqual([fault]);
    expect(instance.secondTier.generation).not.toBeNull();
  });

  test('continues alone also without onError', async () => {
    const clock = { now: () => 0 };
    const { store, up, down } = createFakeStore({ server: new FakeServer(clock), clock });
    const send = () => Promise.reject(new Error('The feed is lost.'));
    const secondTier = new GenerationTier({ store, keyPrefix: 'test', send, clock });
    secondTier.start();
    up();
    expect(secondTier.generation).toBeNull();
    secondTier.resume();
    await delivered();
    expect(secondTier.generation).not.toBeNull();
    down();
    expect(secondTier.generation).toBeNull();
    await secondTier.close();
  });

  test('gets no answer from an instance that could not write its proof in time', async () => {
    const site = createSite();
    const { fake, secondTier } = await site.start();
    site.messages.length = 0;
    secondTier.receive(sync);
    site.clock.advanceSeconds(11);
    await delivered();
    expect([site.messages, fake.restarts]).toEqual([[], []]);
  });

  test('gets no answer from an instance that lost and regained the feed while it wrote its proof', async () => {
    const site = createSite();
    const gate = createGate((label) => label === 'write of 1 answered');
    const { cache, secondTier } = await site.start('test', gate.pause);
    secondTier.receive(sync);
    await delivered();
    cache.suspend();
    cache.resume();
    await delivered();
    site.messages.length = 0;
    await gate.letGo();
    expect(site.messages).toEqual([]);
  });

  test('gets no answer about a generation that was left for an older one while the proof was written', async () => {
    const site = createSite();
    await site.start();
    const gate = createGate((label) => label === 'read of 1 answered' || label === 'write of 1 answered');
    const younger = await site.start('test', gate.pause);
    younger.secondTier.receive(sync);
    await delivered();
    expect(gate.waiting()).toEqual(['read of 1 answered', 'write of 1 answered']);
    await gate.letGo();
    site.messages.length = 0;
    await gate.letGo();
    expect(site.messages).toEqual([]);
  });

  test('ignores the answer to a question of another instance', async () => {
    const site = createSite();
    const oldest = await site.start();
    const questions = () => site.messages.flatMap((message) => (message.command === 'sync' ? message.question : []));
    await site.start();
    const answer = site.messages.find(({ command }) => command === 'synced')!;
    oldest.fake.down();
    const alone = site.createInstance('test');
    site.silence(new Error('The feed is lost.'));
    alone.fake.up();
    alone.cache.resume();
    await delivered();
    const { generation } = alone.secondTier;
    alone.secondTier.receive(answer);
    await delivered();
    expect(questions()).toHaveLength(2);
    expect(alone.secondTier.generation).toBe(generation);
  });

  test('does not join if it has lost the feed since, however old the offered generation', async () => {
    const site = createSite();
    const older = await site.start();
    const gate = createGate((label) => label === 'read of 1 answered');
    const { cache, secondTier } = await site.start('test', gate.pause);
    expect(gate.waiting()).toEqual(['read of 1 answered']);
    older.fake.down();
    cache.suspend();
    cache.resume();
    await delivered();
    const { generation } = secondTier;
    await gate.letGo();
    expect(secondTier.generation).toBe(generation);
  });

  test('ends up in the oldest generation offered, whichever proof it finds first', async () => {
    const site = createSite();
    const [oldest, middle] = [site.createInstance('test'), site.createInstance('test')];
    site.silence(new Error('Messages cannot be sent yet.'));
    for (const { cache, fake } of [oldest, middle]) {
      fake.up();
      cache.resume();
    }
    await delivered();
    site.silence(undefined);
    expect(oldest.secondTier.generation! < middle.secondTier.generation!).toBe(true);
    const gate = createGate((label) => label === 'read of 1 answered');
    const youngest = await site.start('test', gate.pause);
    expect(gate.waiting()).toHaveLength(2);
    await gate.letGo();
    expect(youngest.secondTier.generation).toBe(oldest.secondTier.generation);
    await gate.letGo();
    expect(youngest.secondTier.generation).toBe(oldest.secondTier.generation);
  });
});

describe('a version that may not be returned any more', () => {
  test('is one announced as deleted, even if the tier could not be written', async () => {
    const site = createSite();
    const instance = await site.start();
    await site.write('a', item('a', 5));
    instance.fake.down();
    await site.write('a', null);
    instance.fake.up();
    site.asked();
    expect(await instance.read('a')).toEqual([null]);
    expect(site.asked()).toEqual(['find a']);
  });

  test('is forgotten in time, so that a row that was created again is taken from the tier', async () => {
    const site = createSite();
    const instance = await site.start();
    expect(await instance.read('a')).toEqual([null]);
    await site.write('a', item('a', 1));
    const readAnew = async () => {
      instance.cache.delete(keyOf('a'));
      site.asked();
      expect(await instance.read('a')).toEqual([item('a', 1)]);
      return site.asked();
    };
    expect(await readAnew()).toEqual(['find a']);
    await delivered();
    site.waitSeconds(15, instance);
    instance.secondTier.announce([{ key: keyOf('b'), version: 1, value: null }]);
    await delivered();
    expect(await readAnew()).toEqual(['find a']);
    await delivered();
    site.waitSeconds(40, instance);
    expect(await readAnew()).toEqual([]);
  });

  test('is remembered for longer when an older change is announced, because the newer one may be in flight for longer', async () => {
    const site = createSite();
    const instance = await site.start();
    site.rows.set('a', item('a', 2));
    instance.secondTier.observeVersion(keyOf('a'), 2);
    site.waitSeconds(20, instance);
    instance.secondTier.announce([{ key: keyOf('a'), version: 1, value: item('a', 1) }]);
    await delivered();
    site.waitSeconds(11, instance);
    expect(await instance.read('a')).toEqual([item('a', 2)]);
  });

  test('is remembered until the tier has confirmed the newer one', async () => {
    const site = createSite();
    let isSlow = false;
    const gate = createGate((label) => isSlow && label.startsWith('write') && label.endsWith('way'));
    const instance = await site.start('test', gate.pause);
    await site.write('a', item('a', 1));
    isSlow = true;
    await site.write('a', item('a', 2));
    site.waitSeconds(40, instance);
    instance.cache.delete(keyOf('a'));
    expect(await instance.read('a')).toEqual([item('a', 2)]);
    instance.fake.down();
  });
});

describe('calls of the store', () => {
  const calls = () => {
    const labels: string[] = [];
    return { labels, pause: async (label: string) => void labels.push(label) };
  };

  test('read at most 500 records, and each is found under its own key', async () => {
    const site = createSite();
    const { secondTier } = await site.start();
    secondTier.announce(ids(501).map((id) => ({ key: keyOf(id), version: 1, value: item(id) })));
    await delivered();
    const { labels, pause } = calls();
    const other = await site.start('test', pause);
    labels.length = 0;
    expect(await other.read(...ids(501).reverse())).toEqual(
      ids(501)
        .reverse()
        .map((id) => item(id)),
    );
    await other.read('x', ...ids(499).map((id) => `x${id}`));
    await delivered();
    expect(labels.filter((label) => label.startsWith('read') && label.endsWith('way'))).toEqual([
      'read of 500 on its way',
      'read of 1 on its way',
      'read of 500 on its way',
    ]);
    expect(other.secondTier.counters).toMatchObject({ hits: 501, misses: 500 });
  });

  test('write at most 200 records, one call after the other', async () => {
    const site = createSite();
    const gate = createGate((label) => label.startsWith('write') && label.endsWith('answered'));
    const { secondTier } = await site.start('test', gate.pause);
    const announce = (...names: readonly string[]) =>
      secondTier.announce(names.map((id) => ({ key: keyOf(id), version: 1, value: null })));
    announce(...ids(201));
    await delivered();
    expect(gate.waiting()).toEqual(['write of 200 answered']);
    announce('a');
    await delivered();
    announce('b');
    await delivered();
    expect(gate.waiting()).toEqual(['write of 200 answered']);
    await gate.letGo();
    expect(gate.waiting()).toEqual(['write of 3 answered']);
    await gate.letGo();
    expect(gate.waiting()).toEqual([]);
  });

  test('that fail make readers ask the database', async () => {
    const site = createSite();
    site.rows.set('a', item('a'));
    const instance = await site.start('test', async (label) => {
      if (label.startsWith('read')) throw new Error('broken');
    });
    expect(await instance.read('a')).toEqual([item('a')]);
    expect(site.asked()).toEqual(['find a']);
    expect(instance.secondTier.counters).toMatchObject({ hits: 0, misses: 1 });
  });

  test('touch only keys under the prefix, which is not read before start', async () => {
    const site = createSite();
    let prefix: string | undefined;
    const instance = site.createInstance(() => prefix!);
    prefix = 'test';
    instance.fake.up();
    instance.cache.resume();
    await delivered();
    await site.write('a', item('a'));
    instance.cache.clear();
    await site.write('b', item('b'));
    expect(site.server.keys).toEqual([fullKeyOf('a'), fullKeyOf('b')]);
  });
});
