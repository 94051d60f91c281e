import { createPushStream, type PushStream } from '../../src/changes/index.ts';

function open() {
  let push: (value: number) => void = () => {};
  let isOpen = true;
  let ends = 0;
  const stream = createPushStream<number>(
    (pushed) => {
      push = pushed;
      return () => {
        isOpen = false;
        ends++;
      };
    },
    { isShared: true, keyOf: String, missed: () => -1 },
  );
  return { stream, push: (value: number) => push(value), isOpen: () => isOpen, countEnds: () => ends };
}

async function read(stream: PushStream<number>, count: number): Promise<number[]> {
  const values: number[] = [];
  while (values.length < count) values.push((await stream.next()).value);
  return values;
}

describe('a push stream', () => {
  test('returns what was pushed, in order, before or after it was asked for', async () => {
    const { stream, push } = open();
    push(1);
    push(2);
    expect(await read(stream, 2)).toEqual([1, 2]);
    const later = read(stream, 2);
    push(3);
    push(4);
    expect(await later).toEqual([3, 4]);
  });

  test('is its own iterator, and ends when its consumer throws into it', async () => {
    const { stream, push, isOpen } = open();
    push(1);
    for await (const value of stream) {
      expect(value).toBe(1);
      break;
    }
    expect(isOpen()).toBe(false);
    const other = open();
    const fault = new Error('a fault of the reader');
    await expect(other.stream.throw!(fault)).rejects.toBe(fault);
    expect(other.isOpen()).toBe(false);
  });

  test('tells which values were pushed before a moment and are read after it', async () => {
    const { stream, push } = open();
    push(1);
    push(2);
    const moment = stream.pushed;
    push(3);
    const isLater: boolean[] = [];
    for (let value = 1; value <= 3; value++) {
      await stream.next();
      isLater.push(stream.taken > moment);
    }
    expect(isLater).toEqual([false, false, true]);
  });

  test('tells when the value was pushed that was read last', async () => {
    const { stream, push } = open();
    const beforeMs = performance.now();
    push(1);
    const betweenMs = performance.now();
    push(2);
    await stream.next();
    expect(stream.takenAtMs).toBeGreaterThanOrEqual(beforeMs);
    expect(stream.takenAtMs).toBeLessThanOrEqual(betweenMs);
    await stream.next();
    expect(stream.takenAtMs).toBeGreaterThanOrEqual(betweenMs);
  });

  test('replaces the queue of a consumer more than 10,000 values behind by one value, and continues', async () => {
    const { stream, push } = open();
    for (let value = 1; value <= 10_001; value++) push(value);
    push(10_002);
    expect(await read(stream, 2)).toEqual([-1, 10_002]);
    push(10_003);
    expect(await read(stream, 1)).toEqual([10_003]);
    expect(stream.taken).toBe(10_003);
  });

  test('lets a consumer be 10,000 values behind', async () => {
    const { stream, push } = open();
    for (let value = 1; value <= 10_000; value++) push(value);
    expect((await read(stream, 10_000)).at(-1)).toBe(10_000);
  });

  test('ends at once for a waiting consumer, and stops its source', async () => {
    const { stream, isOpen } = open();
    const waiting = stream.next();
    await stream.return!();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(isOpen()).toBe(false);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test('returns nothing after its end, neither queued values nor later ones', async () => {
    const { stream, push } = open();
    push(1);
    push(2);
    await stream.next();
    await stream.return!();
    push(3);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect([stream.pushed, stream.taken]).toEqual([2, 1]);
  });

  test('stops its source once, however often it is ended', async () => {
    const { stream, countEnds } = open();
    expect(await stream.return!()).toEqual({ done: true, value: undefined });
    await stream.return!();
    await stream.throw!(new Error('too late')).catch(() => {});
    expect(countEnds()).toBe(1);
  });

  test('exposes its traits to consumers that share it', () => {
    const { stream } = open();
    expect([stream.isShared, stream.keyOf(7), stream.missed()]).toEqual([true, '7', -1]);
  });
});
