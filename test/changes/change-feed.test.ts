import { jest } from '@jest/globals';
import { ChangeFeed, type FeedListener } from '../../src/changes/index.ts';
import { createFakeSource } from './fake-source.ts';

function follower(name: string, heard: unknown[]): Required<FeedListener> {
  return {
    onChanges: (changes) => heard.push([name, 'changes', changes]),
    onTruncate: (table) => heard.push([name, 'truncate', table]),
    onCommand: (command) => heard.push([name, 'command', command]),
    onGap: () => heard.push([name, 'gap']),
    onLive: () => heard.push([name, 'live']),
  };
}

/** A feed that is live, with one follower who has heard nothing yet. */
async function createLiveFeed(options: { acknowledgeTimeoutMs?: number } = {}) {
  const fake = createFakeSource();
  const errors: unknown[] = [];
  const heard: unknown[] = [];
  const feed = new ChangeFeed({ source: fake.source, onError: (error) => errors.push(error), ...options });
  await feed.start();
  fake.up();
  feed.follow(follower('a', heard));
  return { feed, fake, errors, heard };
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

/** Whether a promise has resolved by now; everything that has happened is allowed to take effect first. */
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

describe('what followers hear', () => {
  test('insertions have no old row, deletions no new one', async () => {
    const { fake, heard } = await createLiveFeed();
    fake.say(insertion('1'));
    fake.say({
      table: 'manager',
      op: 'DELETE',
      xid: '2',
      isLast: true,
      rows: [{ id: 'm1', version: 3, old: { id: 'm1', version: 3 }, new: null }],
    });
    expect(heard).toEqual([
      ['a', 'changes', [{ table: 'manager', op: 'INSERT', id: 'm1', version: 1, old: null, new: { id: 'm1' } }]],
      [
        'a',
        'changes',
        [{ table: 'manager', op: 'DELETE', id: 'm1', version: 3, old: { id: 'm1', version: 3 }, new: null }],
      ],
    ]);
  });

  test('the old row of an update is made whole again', async () => {
    const { fake, heard } = await createLiveFeed();
    const row = { id: 'w1', version: 2, name: 'new name', hostname: 'same', cpu_usage: 10 };
    fake.say({
      table: 'workstation',
      op: 'UPDATE',
      xid: '1',
      isLast: true,
      rows: [{ id: 'w1', version: 2, old: { version: 1, name: 'old name', cpu_usage: null }, new: row }],
    });
    const old = { id: 'w1', version: 1, name: 'old name', hostname: 'same', cpu_usage: null };
    expect(heard).toEqual([
      ['a', 'changes', [{ table: 'workstation', op: 'UPDATE', id: 'w1', version: 2, old, new: row }]],
    ]);
  });

  test('a row too big to be announced comes without content', async () => {
    const { fake, heard } = await createLiveFeed();
    fake.say({ table: 'manager', op: 'UPDATE', xid: '1', isLast: true, rows: [{ id: 'm1', version: 2 }] });
    expect(heard).toEqual([
      ['a', 'changes', [{ table: 'manager', op: 'UPDATE', id: 'm1', version: 2, old: undefined, new: undefined }]],
    ]);
  });

  test('truncations and commands', async () => {
    const { fake, heard } = await createLiveFeed();
    fake.say({ table: 'manager', op: 'TRUNCATE', xid: '1', isLast: true, rows: [] });
    fake.say({ command: 'clearCache', from: 'i1' });
    fake.say({ command: 'invalidateCache', pattern: 'managers_*', from: 'i1' });
    expect(heard).toEqual([
      ['a', 'truncate', 'manager'],
      ['a', 'command', { command: 'clearCache', from: 'i1' }],
      ['a', 'command', { command: 'invalidateCache', pattern: 'managers_*', from: 'i1' }],
    ]);
  });

  test.each([
    { command: 'report', question: 'q1', from: 'i1' },
    { command: 'reported', question: 'q1', from: 'i1', report: { isReady: true } },
    { command: 'sync', question: 'q1', from: 'i1' },
    { command: 'synced', question: 'q1', from: 'i1', generation: 'g1' },
  ])('what instances ask each other and answer: $command', async (command) => {
    const { fake, heard, errors } = await createLiveFeed();
    fake.say(command);
    expect(heard).toEqual([['a', 'command', command]]);
    expect(errors).toEqual([]);
  });

  test.each([
    ['invalidateCache', { pattern: '*' }],
    ['report', { question: 'q1' }],
    ['reported', { question: 'q1', report: {} }],
    ['sync', { question: 'q1', from: 'i1' }],
    ['synced', { question: 'q1', from: 'i1', generation: 'g1' }],
  ])('not the command %s when a part of it is missing or is no text', async (command, parts) => {
    const { fake, heard, errors } = await createLiveFeed();
    const spoilt = Object.keys(parts).flatMap((part) => [undefined, null, 7].map((bad) => ({ ...parts, [part]: bad })));
    for (const part of spoilt) fake.say({ command, ...part });
    expect(heard).toEqual([]);
    expect(errors).toEqual(spoilt.map(() => new SyntaxError('The payload is not a message of the change feed.')));
  });

  test('an update of which only one of the rows was announced comes as it is', async () => {
    const { fake, heard } = await createLiveFeed();
    const update = (row: object) => fake.say({ table: 'manager', op: 'UPDATE', xid: '1', isLast: true, rows: [row] });
    update({ id: 'm1', version: 2, old: { name: 'was' } });
    update({ id: 'm1', version: 2, new: { name: 'is' } });
    const change = { table: 'manager', op: 'UPDATE', id: 'm1', version: 2 };
    expect(heard).toEqual([
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
  ])('not %j: it is reported and ignored', async (payload) => {
    const { fake, heard, errors, feed } = await createLiveFeed();
    fake.sayText(payload);
    expect(errors).toEqual([expect.any(SyntaxError)]);
    fake.say(insertion('1'));
    expect(heard).toHaveLength(1);
    expect(feed.state).toBe('live');
  });

  test('is told in order, to one follower after the other', async () => {
    const { feed, fake, heard } = await createLiveFeed();
    feed.follow(follower('b', heard));
    fake.say({ command: 'clearCache', from: '1' });
    fake.down();
    fake.up();
    fake.say({ command: 'clearCache', from: '2' });
    expect(heard).toEqual([
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

  test('is told to the others when one of them fails, and the fault is reported', async () => {
    const fake = createFakeSource();
    const errors: unknown[] = [];
    const heard: unknown[] = [];
    const feed = new ChangeFeed({ source: fake.source, onError: (error) => errors.push(error) });
    await feed.start();
    const fault = new Error('a fault of the follower');
    const fail = () => {
      throw fault;
    };
    feed.follow({ onChanges: fail, onLive: fail, onGap: fail });
    feed.follow(follower('b', heard));
    fake.up();
    fake.say(insertion('1'));
    const reason = new Error('gone');
    fake.down(reason);
    expect(heard).toEqual([
      ['b', 'live'],
      ['b', 'changes', [expect.objectContaining({ id: 'm1' })]],
      ['b', 'gap'],
    ]);
    expect(errors).toEqual([fault, fault, fault, reason]);
  });

  test('is told to each who asked for it, and that others did not is no fault', async () => {
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

  test('is not told to those who left', async () => {
    const { feed, fake, heard } = await createLiveFeed();
    const leave = feed.follow(follower('b', heard));
    expect(feed.followers).toBe(2);
    leave();
    expect(feed.followers).toBe(1);
    fake.say({ command: 'clearCache', from: '1' });
    expect(heard).toEqual([['a', 'command', { command: 'clearCache', from: '1' }]]);
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

  test('stays connecting, without a gap, when the first attempts fail; each failure is reported', async () => {
    const fake = createFakeSource();
    const errors: unknown[] = [];
    const heard: unknown[] = [];
    const feed = new ChangeFeed({ source: fake.source, onError: (error) => errors.push(error) });
    feed.follow(follower('a', heard));
    await feed.start();
    fake.down('refused');
    fake.down('refused again');
    expect([feed.state, feed.gaps, heard]).toEqual(['connecting', 0, []]);
    expect(errors).toEqual(['refused', 'refused again']);
  });

  test('several failures to come back are one gap', async () => {
    const { feed, fake, heard } = await createLiveFeed();
    fake.down();
    fake.down();
    expect(feed.gaps).toBe(1);
    expect(heard).toEqual([['a', 'gap']]);
  });

  test('does not leave closed, whatever the source says', async () => {
    const { feed, fake, heard, errors } = await createLiveFeed();
    await feed.close();
    expect(fake.closed).toEqual([true]);
    fake.down();
    fake.up();
    expect([feed.state, feed.gaps, heard, errors]).toEqual(['closed', 0, [], []]);
  });
});

describe('a writer who waits until its change has settled', () => {
  test('goes on when the last part of its statement was told to every follower', async () => {
    const { feed, fake, heard } = await createLiveFeed();
    const settled = feed.waitUntilApplied('7', 'statement').then(() => heard.length);
    fake.say(insertion('7', false));
    fake.say(insertion('7', true));
    expect(await settled).toBe(2);
  });

  test('does not go on with an unfinished statement, another transaction or a mark', async () => {
    const { feed, fake } = await createLiveFeed();
    const settled = feed.waitUntilApplied('7', 'statement');
    fake.say(insertion('7', false));
    fake.say(insertion('8'));
    fake.say({ mark: '7' });
    expect(await isResolved(settled)).toBe(false);
    fake.say(insertion('7'));
    await settled;
  });

  test('of a transaction goes on with its mark and not with one of its statements', async () => {
    const { feed, fake } = await createLiveFeed();
    const settled = feed.waitUntilApplied('7', 'transaction');
    fake.say(insertion('7'));
    expect(await isResolved(settled)).toBe(false);
    fake.say({ mark: '7' });
    await settled;
  });

  test('goes on at once when the echo came first', async () => {
    const { feed, fake } = await createLiveFeed();
    fake.say(insertion('7'));
    fake.say({ mark: '8' });
    await feed.waitUntilApplied('7', 'statement');
    await feed.waitUntilApplied('8', 'transaction');
    expect(fake.restarts).toEqual([]);
  });

  test('goes on at once with one of the last 4,096 echoes, and no echo is remembered for ever', async () => {
    jest.useFakeTimers();
    const { feed, fake } = await createLiveFeed();
    for (let xid = 0; xid <= 4096; xid++) fake.say({ mark: String(xid) });
    expect(await isResolved(feed.waitUntilApplied('1', 'transaction'))).toBe(true);
    expect(await isResolved(feed.waitUntilApplied('0', 'transaction'))).toBe(false);
  });

  test('goes on after a truncation', async () => {
    const { feed, fake } = await createLiveFeed();
    const settled = feed.waitUntilApplied('7', 'statement');
    fake.say({ table: 'manager', op: 'TRUNCATE', xid: '7', isLast: true, rows: [] });
    await settled;
  });

  test('goes on together with others who wait for the same transaction', async () => {
    const { feed, fake } = await createLiveFeed();
    const settled = [feed.waitUntilApplied('7', 'statement'), feed.waitUntilApplied('7', 'statement')];
    fake.say(insertion('7'));
    await Promise.all(settled);
  });

  test('goes on also when a follower failed', async () => {
    const { feed, fake } = await createLiveFeed();
    feed.follow({
      onChanges: () => {
        throw new Error('a fault of the follower');
      },
    });
    const settled = feed.waitUntilApplied('7', 'statement');
    fake.say(insertion('7'));
    await settled;
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

  test('is released by a gap, after the followers were told of it', async () => {
    const { feed, fake, heard } = await createLiveFeed();
    const settled = feed.waitUntilApplied('7', 'statement').then(() => [...heard]);
    fake.down();
    expect(await settled).toEqual([['a', 'gap']]);
  });

  test('is released when the feed is closed', async () => {
    const { feed } = await createLiveFeed();
    const settled = feed.waitUntilApplied('7', 'statement');
    await feed.close();
    await settled;
  });

  test('has the connection given up when the echo does not come in time, and goes on when it is', async () => {
    jest.useFakeTimers();
    const { feed, fake } = await createLiveFeed();
    const settled = feed.waitUntilApplied('7', 'statement');
    jest.advanceTimersByTime(1999);
    expect(fake.restarts).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(fake.restarts).toEqual([new Error('A committed change was not announced in time.')]);
    expect(await isResolved(settled)).toBe(false);
    fake.down(fake.restarts[0]);
    await settled;
  });

  test('waits for its echo as long as the feed was told to', async () => {
    jest.useFakeTimers();
    const { feed, fake } = await createLiveFeed({ acknowledgeTimeoutMs: 10 });
    void feed.waitUntilApplied('7', 'statement');
    jest.advanceTimersByTime(10);
    expect(fake.restarts).toHaveLength(1);
  });

  test('leaves no timer behind, however it went on', async () => {
    jest.useFakeTimers();
    const { feed, fake } = await createLiveFeed();
    const settled = [feed.waitUntilApplied('7', 'statement'), feed.waitUntilApplied('8', 'statement')];
    fake.say(insertion('7'));
    fake.down();
    await Promise.all(settled);
    expect(jest.getTimerCount()).toBe(0);
  });
});

test('a command is sent to every instance through the source', async () => {
  const { feed, fake, heard } = await createLiveFeed();
  const command = { command: 'invalidateCache', pattern: 'managers_*', from: 'i1' } as const;
  await feed.send(command);
  expect(heard).toEqual([]);
  fake.sayText(fake.sent[0]!);
  expect(heard).toEqual([['a', 'command', command]]);
});
