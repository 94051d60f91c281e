import { VisibleOrder } from '../../../src/changes/logical/visible-order.ts';
import { Snapshot } from '../../../src/changes/snapshot.ts';

/** @param before what the first snapshot sees */
function open(before: string) {
  const delivered: string[] = [];
  const asked: PromiseWithResolvers<Snapshot>[] = [];
  const failures: unknown[] = [];
  const awaiting: (() => void)[] = [];
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

test.each([
  ['12884901888', 0xfffffffe, '12884901886'],
  ['12884901888', 3, '12884901891'],
  ['12884901890', 2, '12884901890'],
])('With %s as the next transaction, %s is completed to %s', (xmax, xid, expected) => {
  expect(open(`${xmax}:${xmax}:`).order.widen(xid)).toBe(expected);
});
