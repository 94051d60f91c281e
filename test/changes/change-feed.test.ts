import { jest } from '@jest/globals';
import { ChangeFeed, type FeedListener, type NotificationSource } from '../../src/changes/index.ts';
import { createFakeSource } from './fake-source.ts';

function follower(name: string, received: unknown[]): Required<FeedListener> {
  return {
    onChanges: (changes) => received.push([name, 'changes', changes]),
    onApplied: (announcedAtMs) => received.push([name, 'applied', announcedAtMs]),
    onTruncate: (table) => received.push([name, 'truncate', table]),
    onCommand: (command) => received.push([name, 'command', command]),
    onGap: () => received.push([name, 'gap']),
    onLive: () => received.push([name, 'live']),
  };
}

/** Creates a live feed with one follower, which has received nothing yet. */
async function createLiveFeed(options: { acknowledgeTimeoutMs?: number } = {}) {
  const fake = createFakeSource();
  const errors: unknown[] = [];
  const received: unknown[] = [];
  const feed = new ChangeFeed({ source: fake.source, onError: (error) => errors.push(error), ...options });
  await feed.start();
  fake.up();
  feed.follow(follower('a', received));
  return { feed, fake, errors, received };
}

function insertion(xid: string, isLast = true) {
  return {
    table: 'manager',
    op: 'INSERT',
    xid,
    isLast,
    rows: [{ id: 'm1', version: 1, old: null, new: { id: 'm1' } }],
  };
}

/** Whether a promise has resolved, once everything that has happened has taken effect. */
async function isResolved(promise: Promise<void>): Promise<boolean> {
  let resolved = false;
  void promise.then(() => {
    resolved = true;
  });
  for (let turns = 0; turns < 10; turns++) await Promise.resolve();
  return resolved;
}

afterEach(() => {
  jest.useRealTimers();
});

describe('a follower receives', () => {
  test('insertions without an old row, and deletions without a new one', async () => {
    const { fake, received } = await createLiveFeed();
    fake.say(insertion('1'));
    fake.say({
      table: 'manager',
      op: 'DELETE',
      xid: '2',
      isLast: true,
      rows: [{ id: 'm1', version: 3, old: { id: 'm1', version: 3 }, new: null }],
    });
    expect(received).toEqual([
      ['a', 'changes', [{ table: 'manager', op: 'INSERT', id: 'm1', version: 1, old: null, new: { id: 'm1' } }]],
      [
        'a',
        'changes',
        [{ table: 'manager', op: 'DELETE', id: 'm1', version: 3, old: { id: 'm1', version: 3 }, new: null }],
      ],
    ]);
  });

  test('updates with a complete old row', async () => {
    const { fake, received } = await createLiveFeed();
    const row = { id: 'w1', version: 2, name: 'new name', hostname: 'same', cpu_usage: 10 };
    fake.say({
      table: 'workstation',
      op: 'UPDATE',
      xid: '1',
      isLast: true,
      rows: [{ id: 'w1', version: 2, old: { version: 1, name: 'old name', cpu_usage: null }, new: row }],
    });
    const old = { id: 'w1', version: 1, name: 'old name', hostname: 'same', cpu_usage: null };
    expect(received).toEqual([
      ['a', 'changes', [{ table: 'workstation', op: 'UPDATE', id: 'w1', version: 2, old, new: row }]],
    ]);
  });

  test('a row that was too large for an announcement without content', async () => {
    const { fake, received } = await createLiveFeed();
    fake.say({ table: 'manager', op: 'UPDATE', xid: '1', isLast: true, rows: [{ id: 'm1', version: 2 }] });
    expect(received).toEqual([
      ['a', 'changes', [{ table: 'manager', op: 'UPDATE', id: 'm1', version: 2, old: undefined, new: undefined }]],
    ]);
  });

  test('truncations and commands', async () => {
    const { fake, received } = await createLiveFeed();
    fake.say({ table: 'manager', op: 'TRUNCATE', xid: '1', isLast: true, rows: [] });
    fake.say({ command: 'clearCache', from: 'i1' });
    fake.say({ command: 'invalidateCache', pattern: 'managers_*', from: 'i1' });
    expect(received).toEqual([
      ['a', 'truncate', 'manager'],
      ['a', 'command', { command: 'clearCache', from: 'i1' }],
      ['a', 'command', { command: 'invalidateCache', pattern: 'managers_*', from: 'i1' }],
    ]);
  });

  test.each([
    { command: 'report', question: 'q1', from: 'i1' },
    { command: 'reported', question: 'q1', from: 'i1', report: { isReady: true } },
    { command: 'history', question: 'q1', from: 'i1', of: 'i2', minutes: 5 },
    { command: 'historyPart', question: 'q1', from: 'i2', part: 0, parts: 2, samples: [[1, null], []] },
    { command: 'sync', question: 'q1', from: 'i1' },
    { command: 'synced', question: 'q1', from: 'i1', generation: 'g1' },
  ])('what instances ask each other and answer: $command', async (command) => {
    const { fake, received, errors } = await createLiveFeed();
    fake.say(command);
    expect(received).toEqual([['a', 'command', command]]);
    expect(errors).toEqual([]);
  });

  test.each([
    ['invalidateCache', { pattern: '*' }],
    ['report', { question: 'q1' }],
    ['reported', { question: 'q1', report: {} }],
    ['sync', { question: 'q1', from: 'i1' }],
    ['synced', { question: 'q1', from: 'i1', generation: 'g1' }],
  ])('not the command %s when a part of it is missing or is no text', async (command, parts) => {
    const { fake, received, errors } = await createLiveFeed();
    const spoilt = Object.keys(parts).flatMap((part) => [undefined, null, 7].map((bad) => ({ ...parts, [part]: bad })));
    for (const part of spoilt) fake.say({ command, ...part });
    expect(received).toEqual([]);
    expect(errors).toEqual(spoilt.map(() => new SyntaxError('The payload is not a message of the change feed.')));
  });

  test.each([
    ['history', { question: 'q1', of: 'i2', minutes: 5 }],
    ['historyPart', { question: 'q1', part: 0, parts: 1, samples: [[1, null]] }],
  ])('not the command %s when a part of it is missing or of another type', async (command, parts) => {
    const { fake, received, errors } = await createLiveFeed();
    const spoilt = Object.keys(parts).flatMap((part) =>
      [undefined, null, {}].map((bad) => ({ ...parts, [part]: bad })),
    );
    for (const part of spoilt) fake.say({ command, from: 'i1', ...part });
    expect(received).toEqual([]);
    expect(errors).toHaveLength(spoilt.length);
  });

  test('only what is announced in its own schema, or in none', async () => {
    const fake = createFakeSource();
    const received: unknown[] = [];
    const feed = new ChangeFeed({ source: fake.source, schema: () => 'ours' });
    await feed.start();
    fake.up();
    feed.follow({ onTruncate: (table) => received.push(table), onCommand: ({ from }) => received.push(from) });
    const truncate = (table: string, schema?: string) => fake.say({ table, schema, op: 'TRUNCATE', xid: '1' });
    truncate('first', 'ours');
    truncate('second', 'theirs');
    truncate('third');
    for (const schema of ['ours', 'theirs'])
      fake.say({ command: 'clearCache', from: `an instance of ${schema}`, schema });
    expect(received).toEqual(['first', 'third', 'an instance of ours']);
  });

  test('a gap when the database was restored, from which the source starts again', async () => {
    const { feed, fake, received, errors } = await createLiveFeed();
    fake.say({ restored: true });
    expect(received).toEqual([['a', 'gap']]);
    expect(feed.state).not.toBe('live');
    expect(fake.restarts).toEqual(errors);
    expect(fake.restarts).toHaveLength(1);
  });

  test('a gap when a change is announced by a table of another database', async () => {
    const fake = createFakeSource();
    const received: unknown[] = [];
    const feed = new ChangeFeed({ source: fake.source, isForeign: ({ relid }) => relid === 8 });
    await feed.start();
    fake.up();
    feed.follow(follower('a', received));
    fake.say({ ...insertion('1'), relid: 7 });
    fake.say({ ...insertion('2'), relid: 8 });
    expect(received.map((event) => (event as unknown[])[1])).toEqual(['changes', 'gap']);
    expect(fake.restarts).toHaveLength(1);
  });

  test('an update as it is if only one of its rows was announced', async () => {
    const { fake, received } = await createLiveFeed();
    const update = (row: object) => fake.say({ table: 'manager', op: 'UPDATE', xid: '1', isLast: true, rows: [row] });
    update({ id: 'm1', version: 2, old: { name: 'was' } });
    update({ id: 'm1', version: 2, new: { name: 'is' } });
    const change = { table: 'manager', op: 'UPDATE', id: 'm1', version: 2 };
    expect(received).toEqual([
      ['a', 'changes', [{ ...change, old: { name: 'was' }, new: undefined }]],
      ['a', 'changes', [{ ...change, old: undefined, new: { name: 'is' } }]],
    ]);
  });

  test.each([
    '',
    'hello',
    'null',
    '7',
    '[]',
    '{}',
    '{"table":"manager"}',
    '{"table":"manager","op":"UPSERT","xid":"1","isLast":true,"rows":[]}',
    '{"table":"manager","op":"INSERT","xid":"1","isLast":true,"rows":{}}',
    '{"table":"manager","op":"INSERT","xid":"1","isLast":true,"rows":[null]}',
    '{"table":"manager","op":"INSERT","xid":"1","isLast":true,"rows":[{"version":1}]}',
    '{"table":"manager","op":"INSERT","xid":"1","isLast":true,"rows":[{"id":"m1"}]}',
    '{"table":"manager","op":"INSERT","xid":"1","isLast":true,"rows":[{"id":7,"version":1}]}',
    '{"table":"manager","op":"INSERT","xid":"1","isLast":true,"rows":[{"id":"m1","version":1},{"id":"m2"}]}',
    '{"table":"manager","op":"TRUNCATE","xid":1}',
    '{"table":7,"op":"TRUNCATE","xid":"1"}',
    '{"mark":7}',
    '{"op":"TRUNCATE","xid":"1"}',
    '{"command":"formatDisk"}',
    '{"command":"formatDisk","question":"q1","report":{}}',
    '{"command":"invalidateCache"}',
    '{"command":"historyPart","question":"q1","part":0,"parts":1,"samples":[[1],7]}',
  ])('not %j: it is reported and ignored', async (payload) => {
    const { fake, received, errors, feed } = await createLiveFeed();
    fake.sayText(payload);
    expect(errors).toEqual([expect.any(SyntaxError)]);
    fake.say(insertion('1'));
    expect(received).toHaveLength(1);
    expect(feed.state).toBe('live');
  });

  test('is delivered in order, to one follower after the other', async () => {
    const { feed, fake, received } = await createLiveFeed();
    feed.follow(follower('b', received));
    fake.say({ command: 'clearCache', from: '1' });
    fake.down();
    fake.up();
    fake.say({ command: 'clearCache', from: '2' });
    expect(received).toEqual([
      ['a', 'command', { command: 'clearCache', from: '1' }],
      ['b', 'command', { command: 'clearCache', from: '1' }],
      ['a', 'gap'],
      ['b', 'gap'],
      ['a', 'live'],
      ['b', 'live'],
      ['a', 'command', { command: 'clearCache', from: '2' }],
      ['b', 'command', { command: 'clearCache', from: '2' }],
    ]);
  });

  test('is delivered to the others if one of them throws, and the error is reported', async () => {
    const fake = createFakeSource();
    const errors: unknown[] = [];
    const received: unknown[] = [];
    const feed = new ChangeFeed({ source: fake.source, onError: (error) => errors.push(error) });
    await feed.start();
    const fault = new Error('a fault of the follower');
    const fail = () => {
      throw fault;
    };
    feed.follow({ onChanges: fail, onLive: fail, onGap: fail });
    feed.follow(follower('b', received));
    fake.up();
    fake.say(insertion('1'));
    const reason = new Error('gone');
    fake.down(reason);
    expect(received).toEqual([
      ['b', 'live'],
      ['b', 'changes', [expect.objectContaining({ id: 'm1' })]],
      ['b', 'gap'],
    ]);
    expect(errors).toEqual([fault, fault, fault, reason]);
  });

  test('is delivered to each follower with the method; a missing method is no error', async () => {
    const fake = createFakeSource();
    const errors: unknown[] = [];
    const feed = new ChangeFeed({ source: fake.source, onError: (error) => errors.push(error) });
    await feed.start();
    feed.follow({});
    fake.up();
    fake.say(insertion('1'));
    fake.say({ table: 'manager', op: 'TRUNCATE', xid: '2', isLast: true, rows: [] });
    fake.say({ command: 'clearCache', from: 'i1' });
    const reason = new Error('gone');
    fake.down(reason);
    expect(errors).toEqual([reason]);
  });

  test('is not delivered to followers that were removed', async () => {
    const { feed, fake, received } = await createLiveFeed();
    const leave = feed.follow(follower('b', received));
    expect(feed.followers).toBe(2);
    leave();
    expect(feed.followers).toBe(1);
    fake.say({ command: 'clearCache', from: '1' });
    expect(received).toEqual([['a', 'command', { command: 'clearCache', from: '1' }]]);
  });
});

describe('the state', () => {
  test('goes from connecting to live, gap and closed; losses are counted', async () => {
    const fake = createFakeSource();
    const feed = new ChangeFeed({ source: fake.source });
    await feed.start();
    const states = [feed.state];
    fake.up();
    states.push(feed.state);
    fake.down();
    states.push(feed.state);
    fake.up();
    states.push(feed.state);
    await feed.close();
    states.push(feed.state);
    expect(states).toEqual(['connecting', 'live', 'gap', 'live', 'closed']);
    expect(feed.gaps).toBe(1);
  });

  test('stays connecting, without a gap, while the first attempts fail; each failure is reported', async () => {
    const fake = createFakeSource();
    const errors: unknown[] = [];
    const received: unknown[] = [];
    const feed = new ChangeFeed({ source: fake.source, onError: (error) => errors.push(error) });
    feed.follow(follower('a', received));
    await feed.start();
    fake.down('refused');
    fake.down('refused again');
    expect([feed.state, feed.gaps, received]).toEqual(['connecting', 0, []]);
    expect(errors).toEqual(['refused', 'refused again']);
  });

  test('counts several failures to reconnect as one gap', async () => {
    const { feed, fake, received } = await createLiveFeed();
    fake.down();
    fake.down();
    expect(feed.gaps).toBe(1);
    expect(received).toEqual([['a', 'gap']]);
  });

  test('stays closed, whatever the source reports', async () => {
    const { feed, fake, received, errors } = await createLiveFeed();
    await feed.close();
    expect(fake.closed).toEqual([true]);
    fake.down();
    fake.up();
    expect([feed.state, feed.gaps, received, errors]).toEqual(['closed', 0, [], []]);
  });
});

describe('a writer that waits until its change is applied', () => {
  test('continues when the last message of its statement was delivered to every follower', async () => {
    const { feed, fake, received } = await createLiveFeed();
    const applied = feed.waitUntilApplied('7', 'statement').then(() => received.length);
    fake.say(insertion('7', false));
    fake.say(insertion('7', true));
    expect(await applied).toBe(2);
  });

  test('does not continue with an unfinished statement, another transaction or a mark', async () => {
    const { feed, fake } = await createLiveFeed();
    const applied = feed.waitUntilApplied('7', 'statement');
    fake.say(insertion('7', false));
    fake.say(insertion('8'));
    fake.say({ mark: '7' });
    expect(await isResolved(applied)).toBe(false);
    fake.say(insertion('7'));
    await applied;
  });

  test('of a transaction continues with its mark, and not with one of its statements', async () => {
    const { feed, fake } = await createLiveFeed();
    const applied = feed.waitUntilApplied('7', 'transaction');
    fake.say(insertion('7'));
    expect(await isResolved(applied)).toBe(false);
    fake.say({ mark: '7' });
    await applied;
  });

  test('continues at once if the announcement came first', async () => {
    const { feed, fake } = await createLiveFeed();
    fake.say(insertion('7'));
    fake.say({ mark: '8' });
    await feed.waitUntilApplied('7', 'statement');
    await feed.waitUntilApplied('8', 'transaction');
    expect(fake.restarts).toEqual([]);
  });

  test('continues at once with one of the last 4,096 announcements, and older ones are forgotten', async () => {
    jest.useFakeTimers();
    const { feed, fake } = await createLiveFeed();
    for (let xid = 0; xid <= 4096; xid++) fake.say({ mark: String(xid) });
    expect(await isResolved(feed.waitUntilApplied('1', 'transaction'))).toBe(true);
    expect(await isResolved(feed.waitUntilApplied('0', 'transaction'))).toBe(false);
  });

  test('continues after a truncation', async () => {
    const { feed, fake } = await createLiveFeed();
    const applied = feed.waitUntilApplied('7', 'statement');
    fake.say({ table: 'manager', op: 'TRUNCATE', xid: '7', isLast: true, rows: [] });
    await applied;
  });

  test('continues together with others that wait for the same transaction', async () => {
    const { feed, fake } = await createLiveFeed();
    const applied = [feed.waitUntilApplied('7', 'statement'), feed.waitUntilApplied('7', 'statement')];
    fake.say(insertion('7'));
    await Promise.all(applied);
  });

  test('continues even if a follower throws', async () => {
    const { feed, fake } = await createLiveFeed();
    feed.follow({
      onChanges: () => {
        throw new Error('a fault of the follower');
      },
    });
    const applied = feed.waitUntilApplied('7', 'statement');
    fake.say(insertion('7'));
    await applied;
  });

  test('does not wait while the feed is connecting, in a gap or closed', async () => {
    const fake = createFakeSource();
    const feed = new ChangeFeed({ source: fake.source });
    await feed.start();
    await feed.waitUntilApplied('1', 'statement');
    fake.up();
    fake.down();
    await feed.waitUntilApplied('2', 'statement');
    await feed.close();
    await feed.waitUntilApplied('3', 'statement');
  });

  test('is released by a gap, after the followers were notified of it', async () => {
    const { feed, fake, received } = await createLiveFeed();
    const applied = feed.waitUntilApplied('7', 'statement').then(() => [...received]);
    fake.down();
    expect(await applied).toEqual([['a', 'gap']]);
  });

  test('is released when the feed is closed', async () => {
    const { feed } = await createLiveFeed();
    const applied = feed.waitUntilApplied('7', 'statement');
    await feed.close();
    await applied;
  });

  test('makes the source reconnect if the announcement does not come in time, and then continues', async () => {
    jest.useFakeTimers();
    const { feed, fake } = await createLiveFeed();
    const applied = feed.waitUntilApplied('7', 'statement');
    jest.advanceTimersByTime(1999);
    expect(fake.restarts).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(fake.restarts).toEqual([new Error('A committed change was not announced in time.')]);
    expect(await isResolved(applied)).toBe(false);
    fake.down(fake.restarts[0]);
    await applied;
  });

  test('waits for as long as was configured', async () => {
    jest.useFakeTimers();
    const { feed, fake } = await createLiveFeed({ acknowledgeTimeoutMs: 10 });
    void feed.waitUntilApplied('7', 'statement');
    jest.advanceTimersByTime(10);
    expect(fake.restarts).toHaveLength(1);
  });

  test('leaves no timer behind, however it continued', async () => {
    jest.useFakeTimers();
    const { feed, fake } = await createLiveFeed();
    const applied = [feed.waitUntilApplied('7', 'statement'), feed.waitUntilApplied('8', 'statement')];
    fake.say(insertion('7'));
    fake.down();
    await Promise.all(applied);
    expect(jest.getTimerCount()).toBe(0);
  });
});

test('a command is sent to every instance through the source', async () => {
  const { feed, fake, received } = await createLiveFeed();
  const command = { command: 'invalidateCache', pattern: 'managers_*', from: 'i1' } as const;
  await feed.send(command);
  expect(received).toEqual([]);
  fake.sayText(fake.sent[0]!);
  expect(received).toEqual([['a', 'command', command]]);
});

test('tells when a statement was announced, once all of it is applied', async () => {
  const { fake, received } = await createLiveFeed();
  fake.say({ ...insertion('7', false), at: 1500.25 });
  expect(received).toEqual([['a', 'changes', expect.anything()]]);
  fake.say({ ...insertion('7'), at: 1500.25 });
  expect(received.slice(1)).toEqual([
    ['a', 'changes', expect.anything()],
    ['a', 'applied', 1500.25],
  ]);
});

test('a feed numbers the spans in which it is live', async () => {
  const { feed, fake } = await createLiveFeed();
  const spans = [feed.liveSpan];
  fake.down();
  spans.push(feed.liveSpan);
  fake.up();
  spans.push(feed.liveSpan);
  expect(spans).toEqual([1, 0, 2]);
});

test('the rows of a transaction are counted anew after a gap: another database has the same numbers', async () => {
  const { feed, fake } = await createLiveFeed();
  const before: number[] = [];
  feed.follow({ onChanges: (_changes, announced) => before.push(announced.before) });
  fake.say(insertion('1', false));
  fake.say(insertion('1', false));
  fake.down();
  fake.up();
  fake.say(insertion('1'));
  expect(before).toEqual([0, 1, 0]);
});

test.each<[string, (feed: ChangeFeed, fake: ReturnType<typeof createFakeSource>) => unknown]>([
  ['it is closed', (feed) => feed.close()],
  ['its source goes down', (_feed, fake) => fake.down()],
])('the start of a feed that waits for its first echo ends when %s', async (_when, act) => {
  const fake = createFakeSource();
  const source: NotificationSource = {
    ...fake.source,
    async start(handlers) {
      await fake.source.start(handlers);
      handlers.onUp();
    },
  };
  const feed = new ChangeFeed({ source, echo: { isRepeated: true, send: async () => {} } });
  const started = feed.start().then(() => undefined);
  expect(await isResolved(started)).toBe(false);
  act(feed, fake);
  await started;
  await feed.close();
});

test('a feed tells how much of its log the database keeps for it', () => {
  const { source } = createFakeSource();
  expect(new ChangeFeed({ source }).retainedBytes).toBe(0);
  expect(new ChangeFeed({ source: { ...source, retainedBytes: 5 } }).retainedBytes).toBe(5);
});
