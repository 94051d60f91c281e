import { ChangeFeed } from '../../src/changes/index.ts';
import { createManualTimers } from '../websocket/manual-timers.ts';
import { createFakeSource } from './fake-source.ts';

const DEAF =
  'The connection to the database does not deliver notifications: connect to PostgreSQL itself, or to a pooler in session mode.';
/** Everything below 100 had ended, and so had 101; 100 and 102 were under way. */
const SNAPSHOT = '100:103:100,102';

/** Creates a feed whose source is up, and which has sent its first echo. */
async function createFeed({ isRepeated = true, send = async () => {} }: { isRepeated?: boolean; send?: Send } = {}) {
  const fake = createFakeSource();
  const timers = createManualTimers();
  const errors: unknown[] = [];
  const states: string[] = [];
  const sent: string[] = [];
  const feed = new ChangeFeed({
    source: fake.source,
    timers,
    onError: (error) => errors.push(error),
    echo: {
      isRepeated,
      send: (id) => {
        sent.push(id);
        return send(id);
      },
    },
  });
  feed.follow({ onLive: () => states.push('live'), onGap: () => states.push('gap') });
  await feed.start();
  fake.up();
  const hear = (id = sent.at(-1)!, snapshot = SNAPSHOT, at?: number) => fake.say({ echo: id, snapshot, at });
  const halfSeconds = async (count: number) => {
    for (let passed = 0; passed < count; passed++) {
      timers.advance(500);
      await turn();
    }
  };
  return { feed, fake, timers, errors, states, sent, hear, halfSeconds };
}

type Send = (id: string) => Promise<void>;

/** Everything that has happened takes effect. */
async function turn(): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await Promise.resolve();
}

async function isResolved(promise: Promise<void>): Promise<boolean> {
  let resolved = false;
  void promise.then(() => {
    resolved = true;
  });
  await turn();
  return resolved;
}

describe('a feed that sends echoes', () => {
  test('is live only once it has heard its own', async () => {
    const { feed, sent, states, hear } = await createFeed();
    expect([feed.state, sent]).toEqual(['connecting', ['1']]);
    hear('another');
    expect(feed.state).toBe('connecting');
    hear('1');
    expect([feed.state, feed.reason, states]).toEqual(['live', null, ['live']]);
  });

  test('says once what to change when none is heard, and tries on a new connection', async () => {
    const { feed, fake, errors, halfSeconds } = await createFeed();
    for (let attempt = 0; attempt < 3; attempt++) {
      await halfSeconds(3);
      expect([feed.state, feed.gaps, feed.reason]).toEqual(['connecting', 0, DEAF]);
      expect(fake.restarts).toHaveLength(attempt + 1);
      fake.up();
    }
    expect(errors).toEqual([expect.objectContaining({ message: DEAF })]);
  });

  test('waits no longer than two and a half seconds without having heard one', async () => {
    const { feed, states, hear, halfSeconds } = await createFeed();
    hear();
    await halfSeconds(4);
    expect(feed.state).toBe('live');
    await halfSeconds(1);
    expect([feed.state, feed.gaps, states]).toEqual(['gap', 1, ['live', 'gap']]);
  });

  test('becomes live once, and not anew with each of them', async () => {
    const { feed, states, hear, halfSeconds } = await createFeed();
    hear();
    await halfSeconds(2);
    hear();
    expect([states, feed.liveSpan]).toEqual([['live'], 1]);
  });

  test('stays live while each is heard', async () => {
    const { feed, sent, hear, halfSeconds } = await createFeed();
    for (let second = 0; second < 10; second++) {
      hear();
      await halfSeconds(2);
    }
    expect([feed.state, feed.gaps, sent.length]).toEqual(['live', 0, 11]);
  });

  test('does not take an old one for the one it waits for', async () => {
    const { feed, fake, hear, halfSeconds } = await createFeed();
    await halfSeconds(3);
    fake.up();
    hear('1');
    expect(feed.state).toBe('connecting');
    hear('2');
    expect(feed.state).toBe('live');
  });

  test('is live again after a gap once it has heard a new one, and reports the same reason again', async () => {
    const { feed, fake, errors, states, hear, halfSeconds } = await createFeed();
    hear();
    await halfSeconds(5);
    fake.up();
    hear();
    expect([feed.state, feed.reason]).toEqual(['live', null]);
    await halfSeconds(5);
    expect(states).toEqual(['live', 'gap', 'live', 'gap']);
    expect(errors).toHaveLength(2);
  });

  test('sends one again that could not be sent, and says so if that goes on', async () => {
    const failures = [new Error('refused'), new Error('refused')];
    const { feed, sent, hear, halfSeconds, errors } = await createFeed({
      send: async () => {
        const failure = failures.pop();
        if (failure) throw failure;
      },
    });
    await halfSeconds(2);
    expect(sent).toEqual(['1', '1', '1']);
    hear();
    expect(feed.state).toBe('live');
    failures.push(...Array.from({ length: 9 }, () => new Error('refused')));
    await halfSeconds(5);
    expect([feed.state, feed.reason]).toEqual(['gap', 'Nothing can be sent over the connections that writes use.']);
    expect(errors).toEqual([expect.objectContaining({ cause: new Error('refused') })]);
  });

  test('sends only the first where nothing lies between, and keeps no timer', async () => {
    const { feed, sent, timers, hear, halfSeconds } = await createFeed({ isRepeated: false });
    hear();
    await halfSeconds(10);
    expect([feed.state, sent, timers.pending]).toEqual(['live', ['1'], 0]);
  });

  test('sends none while its source is down, or after it was closed', async () => {
    const { feed, fake, sent, timers, hear, halfSeconds } = await createFeed();
    hear();
    fake.down();
    await halfSeconds(10);
    expect([sent, timers.pending]).toEqual([['1'], 0]);
    fake.up();
    await feed.close();
    expect(timers.pending).toBe(0);
  });

  test('passes on no change before it is live, so that none overtakes the word of a gap', async () => {
    const { feed, fake, hear } = await createFeed();
    const received: string[] = [];
    feed.follow({
      onChanges: () => received.push('changes'),
      onTruncate: () => received.push('truncation'),
      onLive: () => received.push('live'),
      onGap: () => received.push('gap'),
    });
    const row = { id: 'm1', version: 1, old: null, new: { id: 'm1' } };
    const change = () => {
      fake.say({ table: 'manager', op: 'INSERT', xid: '200', isLast: true, rows: [row] });
      fake.say({ table: 'manager', op: 'TRUNCATE', xid: '201', isLast: true, rows: [] });
    };
    change();
    hear();
    change();
    fake.down();
    fake.up();
    change();
    hear();
    expect(received).toEqual(['live', 'changes', 'truncation', 'gap', 'live']);
    expect(await isResolved(feed.waitUntilApplied('201', 'statement'))).toBe(true);
  });

  test('ends its start with the first outcome: live', async () => {
    const fake = createFakeSource();
    const feed = new ChangeFeed({
      source: { ...fake.source, start: async (handlers) => fake.source.start(handlers).then(() => fake.up()) },
      echo: { isRepeated: true, send: async () => {} },
      timers: createManualTimers(),
    });
    const started = feed.start();
    expect(await isResolved(started)).toBe(false);
    fake.say({ echo: '1', snapshot: SNAPSHOT });
    await started;
    expect(feed.state).toBe('live');
  });
});

describe('a feed that declares itself lost', () => {
  test('is in a gap at once, and connects again', async () => {
    const { feed, fake, states, hear } = await createFeed();
    hear();
    const reason = new Error('another server');
    feed.lose(reason);
    expect([feed.state, states, fake.restarts]).toEqual(['gap', ['live', 'gap'], [reason]]);
  });

  test('tells no one the addresses in the reason', async () => {
    const { feed, fake } = await createFeed();
    fake.down(Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:5432'), { code: 'ECONNREFUSED' }));
    expect(feed.reason).toBe('The connection of the change feed is lost (ECONNREFUSED).');
    fake.down('lost');
    expect(feed.reason).toBe('The connection of the change feed is lost.');
  });
});

describe('what a feed has heard', () => {
  test('is everything that had ended when its newest echo was sent', async () => {
    const { feed, hear } = await createFeed();
    expect(feed.hasHeard('7')).toBe(false);
    hear();
    const heard = ['7', '99', '100', '101', '102', '103', '1000'].filter((xid) => feed.hasHeard(xid));
    expect(heard).toEqual(['7', '99', '101']);
  });

  test('is a transaction that was marked, or a statement that something else came after', async () => {
    const { feed, fake, hear } = await createFeed();
    hear();
    const statement = { table: 'manager', op: 'TRUNCATE', isLast: true, rows: [] };
    fake.say({ ...statement, xid: '200' });
    expect(feed.hasHeard('200')).toBe(false);
    fake.say({ ...statement, xid: '201' });
    fake.say({ mark: '202' });
    expect(['200', '201', '202'].map((xid) => feed.hasHeard(xid))).toEqual([true, false, true]);
  });

  test('is forgotten in a gap: another server has the same numbers for other transactions', async () => {
    const { feed, fake, hear } = await createFeed();
    hear();
    fake.say({ mark: '202' });
    fake.down();
    expect([feed.hasHeard('7'), feed.hasHeard('202')]).toEqual([false, false]);
  });

  test('releases a writer whose own announcement came before a gap', async () => {
    const { feed, hear } = await createFeed();
    hear();
    const [ended, underWay] = [feed.waitUntilApplied('102', 'statement'), feed.waitUntilApplied('104', 'statement')];
    void feed.proveNow();
    hear(undefined, '103:105:104');
    expect([await isResolved(ended), await isResolved(underWay)]).toEqual([true, false]);
    expect(await isResolved(feed.waitUntilApplied('102', 'transaction'))).toBe(true);
  });
});

describe('a proof that is asked for', () => {
  test('is an echo that is sent at once', async () => {
    const { feed, sent, hear } = await createFeed();
    hear();
    const proven = feed.proveNow();
    expect([sent, await isResolved(proven)]).toEqual([['1', '2'], false]);
    hear('2');
    await proven;
  });

  test('is not the echo that is under way, which may have been sent before; all who ask meanwhile share the next', async () => {
    const { feed, sent, hear } = await createFeed();
    hear();
    const first = feed.proveNow();
    const others = [feed.proveNow(), feed.proveNow()];
    hear('2');
    await first;
    expect([sent, await isResolved(others[0]!)]).toEqual([['1', '2', '3'], false]);
    hear('3');
    await Promise.all(others);
    expect(sent).toEqual(['1', '2', '3']);
  });

  test('is not waited for in a gap', async () => {
    const { feed, fake, sent, hear } = await createFeed();
    await feed.proveNow();
    hear();
    const waiting = [feed.proveNow(), feed.proveNow()];
    fake.down();
    await Promise.all(waiting);
    await feed.proveNow();
    expect(sent).toEqual(['1', '2']);
  });
});

describe('times of announcements are told by the clock of this process', () => {
  /** The database's clock is ahead by so much; the first echo takes 40 ms, and the next one 4 ms. */
  async function announcedAtMs(aheadMs: number): Promise<number[]> {
    const { feed, fake, timers, hear } = await createFeed();
    const told: number[] = [];
    const announce = () => {
      const at = timers.now() + aheadMs;
      const rows = [{ id: 'm1', version: 1, old: null, new: { id: 'm1' } }];
      fake.say({ table: 'manager', op: 'INSERT', xid: '200', isLast: true, rows, at });
    };
    const startMs = timers.now();
    feed.follow({ onApplied: (atMs) => told.push(atMs - startMs) });
    timers.advance(40);
    hear(undefined, undefined, startMs + aheadMs + 25);
    announce();
    const proved = feed.proveNow();
    timers.advance(4);
    hear(undefined, undefined, timers.now() + aheadMs - 1);
    await proved;
    announce();
    return told;
  }

  test('up to half of the fastest echo', async () => {
    expect(await announcedAtMs(90_000)).toEqual([35, 43]);
    expect(await announcedAtMs(-90_000)).toEqual([35, 43]);
  });

  test('as long as the database is the same: a gap may lead to another one', async () => {
    const { feed, fake, timers, hear } = await createFeed();
    const told: number[] = [];
    feed.follow({ onApplied: (atMs) => told.push(atMs) });
    const announce = (at: number) =>
      fake.say({ table: 'manager', op: 'INSERT', xid: '200', isLast: true, rows: [], at });
    hear(undefined, undefined, timers.now() + 5000);
    announce(7000);
    fake.down();
    fake.up();
    hear();
    announce(7000);
    expect(told).toEqual([2000, 7000]);
  });

  test('unless the clocks differ by less than an echo takes', async () => {
    expect(await announcedAtMs(0)).toEqual([40, 44]);
  });
});
