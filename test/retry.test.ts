import { backgroundWait, backoffMs, type RetryOptions, retryWithBackoff } from '../src/retry.ts';

const BOUNDS = { minMs: 100, maxMs: 5000 };

describe('the back-off', () => {
  test('is a random part of a bound that doubles up to the largest wait', () => {
    const longest = { ...BOUNDS, random: () => 1 - Number.EPSILON };
    expect([0, 1, 2, 5, 6, 7, 5000].map((failures) => backoffMs(failures, longest))).toEqual([
      100, 200, 400, 3200, 5000, 5000, 5000,
    ]);
    expect(backoffMs(3, { ...BOUNDS, random: () => 0.25 })).toBe(200);
    expect(backoffMs(3, { ...BOUNDS, random: () => 0 })).toBe(0);
  });

  test('is random unless told otherwise', () => {
    const waits = Array.from({ length: 100 }, () => backoffMs(3, BOUNDS));
    expect(new Set(waits).size).toBeGreaterThan(50);
    expect(waits.every((waitMs) => waitMs >= 0 && waitMs <= 800)).toBe(true);
  });
});

describe('work that is retried', () => {
  /** Runs `work` with a clock that only notes how long it was asked to wait. */
  function run<Result>(work: (reset: () => void) => Promise<Result>, options: Partial<RetryOptions> = {}) {
    const waits: number[] = [];
    const told: unknown[] = [];
    const result = retryWithBackoff(work, {
      backoff: { ...BOUNDS, random: () => 0.5 },
      isTransient: (error) => (error as Error).message === 'transient',
      onRetry: (error, waitMs) => told.push([(error as Error).message, waitMs]),
      signal: new AbortController().signal,
      wait: async (waitMs) => waits.push(waitMs),
      ...options,
    });
    return { result, waits, told };
  }

  const failing = (times: number, message = 'transient') => {
    let calls = 0;
    return async () => {
      if (calls++ < times) throw new Error(message);
      return calls;
    };
  };

  test('is waited for between the attempts, and gives what it gave at last', async () => {
    const { result, waits, told } = run(failing(4));
    expect(await result).toBe(5);
    expect(waits).toEqual([50, 100, 200, 400]);
    expect(told).toEqual(waits.map((waitMs) => ['transient', waitMs]));
  });

  test('is not repeated after any other error', async () => {
    const { result, waits, told } = run(failing(1, 'permanent'));
    await expect(result).rejects.toThrow('permanent');
    expect([waits, told]).toEqual([[], []]);
  });

  test('counts its failures anew after it ran well', async () => {
    let calls = 0;
    const { result, waits } = run(async (reset) => {
      if (++calls === 3) reset();
      if (calls < 6) throw new Error('transient');
    });
    await result;
    expect(waits).toEqual([50, 100, 50, 100, 200]);
  });

  test('is not begun after an abort', async () => {
    const reason = new Error('enough');
    let calls = 0;
    const { result } = run(async () => ++calls, { signal: AbortSignal.abort(reason) });
    await expect(result).rejects.toBe(reason);
    expect(calls).toBe(0);
  });

  test.each([
    ['by default', undefined],
    ['in the background', backgroundWait],
  ])('ends at an abort while it is waited for, %s', async (_how, wait) => {
    const aborting = new AbortController();
    const { result } = run(failing(1), {
      backoff: { minMs: 3_600_000, maxMs: 3_600_000, random: () => 0.9 },
      signal: aborting.signal,
      wait,
      onRetry: () => queueMicrotask(() => aborting.abort()),
    });
    await expect(result).rejects.toThrow('aborted');
  });
});
