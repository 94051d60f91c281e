import { setImmediate as nextTurn } from 'node:timers/promises';
import { VisibleOrder, type VisibleOrderOptions } from '../../../src/changes/logical/visible-order.ts';
import { Snapshot } from '../../../src/changes/snapshot.ts';

/** @param before what the first snapshot sees */
function open(before: string, options: Partial<VisibleOrderOptions> = {}) {
  const delivered: string[] = [];
  const asked: PromiseWithResolvers<Snapshot>[] = [];
  const failures: unknown[] = [];
  const awaiting: (() => void)[] = [];
  const waits: number[] = [];
  const stream = {
    calls: [] as string[],
    pause: () => stream.calls.push('pause'),
    resume: () => stream.calls.push('resume'),
  };
  const order = new VisibleOrder(
    {
      readSnapshot: () => {
        const answer = Promise.withResolvers<Snapshot>();
        asked.push(answer);
        awaiting.shift()?.();
        return answer.promise;
      },
      deliver: (payload) => delivered.push(payload),
      onFailed: (error) => failures.push(error),
      stream,
      wait: async (ms) => void waits.push(ms),
      ...options,
    },
    new Snapshot(before),
  );
  const next = async () => {
    if (asked.length === 0) await new Promise<void>((resolve) => awaiting.push(resolve));
    return asked.shift()!;
  };
  return {
    order,
    delivered,
    failures,
    stream,
    asked,
    waits,
    next,
    /** Answers the next question. Resolves after another one, or after a moment in which none comes. */
    async see(snapshot: string) {
      (await next()).resolve(new Snapshot(snapshot));
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    },
  };
}

test('A transaction that is visible already is delivered at once', () => {
  const { order, delivered, asked } = open('11:11:');
  order.begin('10');
  order.push('a');
  expect([delivered, asked.length]).toEqual([['a'], 0]);
});

test('A transaction is not delivered before a snapshot sees it', async () => {
  const { order, delivered, see } = open('10:10:');
  order.begin('10');
  order.push('a');
  await see('10:12:10');
  expect(delivered).toEqual([]);
  order.push('b');
  await see('11:12:');
  expect(delivered).toEqual(['a', 'b']);
});

test('One that is visible waits for one that was committed before it and is not', async () => {
  const { order, delivered, see } = open('10:10:');
  order.begin('11');
  order.push('first');
  order.begin('10');
  order.push('second');
  await see('11:12:11');
  expect(delivered).toEqual([]);
  await see('12:12:');
  expect(delivered).toEqual(['first', 'second']);
});

test('Those that arrive while a snapshot is read share the next one', async () => {
  const { order, delivered, next, asked, see } = open('10:10:');
  order.begin('10');
  order.push('a');
  const answer = await next();
  for (const xid of ['11', '12', '13']) {
    order.begin(xid);
    order.push(xid);
  }
  answer.resolve(new Snapshot('11:11:'));
  await see('14:14:');
  expect([delivered, asked.length]).toEqual([['a', '11', '12', '13'], 0]);
});

test('The rest of a transaction that became visible is delivered as it arrives', async () => {
  const { order, delivered, see } = open('10:10:');
  order.begin('10');
  order.push('a');
  await see('11:11:');
  order.push('b');
  expect(delivered).toEqual(['a', 'b']);
});

test('The stream pauses while megabytes wait, and goes on when they are delivered', async () => {
  const { order, delivered, stream, see } = open('10:10:');
  order.begin('10');
  for (let count = 0; count < 5; count++) order.push('x'.repeat(1_000_000));
  expect(stream.calls).toEqual(['pause']);
  await see('11:11:');
  expect([delivered.length, stream.calls]).toEqual([5, ['pause', 'resume']]);
});

test('The stream goes on once less than half of that waits', async () => {
  const { order, delivered, stream, see } = open('10:10:');
  order.begin('10');
  for (let count = 0; count < 3; count++) order.push('x'.repeat(1_000_000));
  order.begin('11');
  for (let count = 0; count < 2; count++) order.push('x'.repeat(1_000_000));
  await see('11:12:11');
  expect([delivered.length, stream.calls]).toEqual([3, ['pause']]);
  await see('12:12:');
  expect([delivered.length, stream.calls]).toEqual([5, ['pause', 'resume']]);
});

test('The stream is left alone while little waits', async () => {
  const { order, stream, see } = open('10:10:');
  order.begin('10');
  order.push('x'.repeat(1_000_000));
  await see('11:11:');
  expect(stream.calls).toEqual([]);
});

test('It asks less and less often while nothing becomes visible, and as soon as before after that', async () => {
  const { order, waits, see } = open('10:10:');
  order.begin('10');
  order.begin('11');
  for (let questions = 0; questions < 7; questions++) await see('10:12:10');
  expect(waits).toEqual([1, 2, 4, 8, 16, 20, 20]);
  await see('11:12:11');
  await see('11:12:11');
  expect(waits.slice(7)).toEqual([1]);
});

test('One that begins after all were delivered waits for a snapshot as well', async () => {
  const { order, delivered, see } = open('10:10:');
  order.begin('10');
  order.push('a');
  await see('11:11:');
  order.begin('11');
  order.push('b');
  expect(delivered).toEqual(['a']);
  await see('12:12:');
  expect(delivered).toEqual(['a', 'b']);
});

/** Three payloads of one transaction, whose delivery takes 8 ms each. */
function openSlow() {
  let nowMs = 0;
  const delivered: string[] = [];
  const deliver = (payload: string) => {
    delivered.push(payload);
    nowMs += 8;
  };
  const opened = open('10:10:', { deliver, now: () => nowMs });
  opened.order.begin('10');
  for (const payload of ['a', 'b', 'c']) opened.order.push(payload);
  return { ...opened, delivered };
}

test('A delivery of more than 10 ms goes on after other events had their turn', async () => {
  const { order, delivered, see } = openSlow();
  await see('11:11:');
  order.push('d');
  expect(delivered).toEqual(['a', 'b']);
  await nextTurn();
  expect(delivered).toEqual(['a', 'b', 'c', 'd']);
});

test('A delivery that is closed meanwhile does not go on', async () => {
  const { order, delivered, see } = openSlow();
  await see('11:11:');
  order.close();
  await nextTurn();
  expect(delivered).toEqual(['a', 'b']);
});

test('A snapshot that cannot be read ends it, and nothing is delivered', async () => {
  const { order, delivered, failures, next } = open('10:10:');
  order.begin('10');
  order.push('a');
  const reason = new Error('lost');
  (await next()).reject(reason);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  expect([delivered, failures]).toEqual([[], [reason]]);
});

test('Nothing is delivered once it is closed', async () => {
  const { order, delivered, failures, see } = open('10:10:');
  order.begin('10');
  order.push('a');
  order.close();
  await see('11:11:');
  expect([delivered, failures]).toEqual([[], []]);
});

test('What arrives once it is closed is not delivered, and asks for nothing', () => {
  const { order, delivered, asked } = open('10:10:');
  order.close();
  order.push('a');
  order.begin('10');
  order.push('b');
  expect([delivered, asked]).toEqual([[], []]);
});

test('A failure once it is closed is not told', async () => {
  const { order, failures, next } = open('10:10:');
  order.begin('10');
  order.close();
  (await next()).reject(new Error('the connection ended'));
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  expect(failures).toEqual([]);
});

test.each([
  ['12884901888', 0xfffffffe, '12884901886'],
  ['12884901888', 3, '12884901891'],
  ['12884901890', 2, '12884901890'],
])('With %s as the next transaction, %s is completed to %s', (xmax, xid, expected) => {
  expect(open(`${xmax}:${xmax}:`).order.widen(xid)).toBe(expected);
});
