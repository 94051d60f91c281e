import { Failure, Unavailable } from '../../agent/src/failure.ts';
import { type LoopClock, reportUntilAborted, retry, sayTogether } from '../../agent/src/report-loop.ts';

/** A clock that moves only by sleeping; the loop ends after a time. */
function play({ endsAfterMs = 60_000, random = 0.5 } = {}) {
  const stopped = new AbortController();
  const said: string[] = [];
  let nowMs = 0;
  const clock: LoopClock = {
    random: () => random,
    sleep: async (ms) => {
      nowMs += ms;
      if (nowMs >= endsAfterMs) stopped.abort();
    },
  };
  return {
    signal: stopped.signal,
    stop: () => stopped.abort(),
    clock,
    said,
    say: (line: string) => said.push(line),
    now: () => nowMs,
  };
}

async function run(world: ReturnType<typeof play>, send: (reading: number) => Promise<void>, intervalMs = 10_000) {
  const { clock, now, say, signal } = world;
  await reportUntilAborted(signal, { measure: async () => now(), send, intervalMs, say, clock });
}

test('reports at once, and then in every interval', async () => {
  const world = play();
  const sent: number[] = [];
  await run(world, async (reading) => void sent.push(reading));
  expect(sent).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000]);
  expect(world.said).toEqual([]);
});

test.each([
  [0, 9000],
  [0.999_999, 11_000],
])('varies the interval by 10 percent: %d', async (random, expectedMs) => {
  const world = play({ random });
  const sent: number[] = [];
  await run(world, async (reading) => void sent.push(reading));
  expect(Math.round(sent[1]!)).toBe(expectedMs);
});

test('waits up to a minute while the server is away, and then sends the newest reading and no other', async () => {
  const world = play({ endsAfterMs: 700_000 });
  const tried: number[] = [];
  const sent: number[] = [];
  await run(world, async (reading) => {
    tried.push(reading);
    if (world.now() < 300_000) throw new Unavailable('The server cannot be reached (ECONNREFUSED).');
    sent.push(reading);
  });
  const waits = tried.slice(1, 10).map((time, index) => time - tried[index]!);
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  expect(sent[0]).toBe(tried.find((time) => time >= 300_000));
  expect(sent.slice(1).every((time, index) => time - sent[index]! === 10_000)).toBe(true);
  expect(world.said).toEqual([
    'The server cannot be reached (ECONNREFUSED). Trying again.',
    'The server answers again.',
  ]);
});

test('spreads the tries over the whole wait', async () => {
  for (const [random, expectedMs] of [
    [0, 0],
    [0.25, 250],
    [0.75, 750],
  ] as const) {
    const world = play({ random });
    let tries = 0;
    await run(world, async () => {
      if (tries++ === 1) {
        expect(world.now()).toBe(expectedMs);
        world.stop();
      }
      throw new Unavailable('away');
    });
    expect(tries).toBe(2);
  }
});

test('says each reason once', async () => {
  const world = play({ endsAfterMs: 30_000 });
  const reasons = ['a', 'a', 'b', 'b', 'a'];
  await run(world, async () => {
    const reason = reasons.shift();
    if (reason) throw new Unavailable(reason);
  });
  expect(world.said).toEqual(['a Trying again.', 'b Trying again.', 'a Trying again.', 'The server answers again.']);
});

test('waits as long as the server asks for', async () => {
  const world = play();
  const tried: number[] = [];
  await run(world, async (reading) => {
    tried.push(reading);
    if (tried.length === 1) throw new Unavailable('too many', 25_000);
  });
  expect(tried.slice(0, 2)).toEqual([0, 25_000]);
});

test('skips a time without a reading', async () => {
  const world = play();
  const readings = [1, null, 3];
  const sent: number[] = [];
  await reportUntilAborted(world.signal, {
    measure: async () => readings.shift() ?? null,
    send: async (reading) => void sent.push(reading),
    intervalMs: 10_000,
    say: world.say,
    clock: world.clock,
  });
  expect(sent).toEqual([1, 3]);
});

test('ends with a failure that trying again does not mend', async () => {
  const world = play();
  const failure = new Failure(77, 'revoked');
  await expect(run(world, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(world.now()).toBe(0);
});

test('ends quietly when it is stopped while it sends', async () => {
  const world = play();
  await run(world, async () => {
    world.stop();
    throw new Unavailable('aborted');
  });
  expect(world.said).toEqual([]);
});

test('a retried call gives its result, or nothing when it is stopped', async () => {
  const world = play();
  let tries = 0;
  const work = async () => {
    if (++tries < 4) throw new Unavailable('away');
    return 'done';
  };
  expect(await retry(work, world.signal, world)).toBe('done');
  expect(tries).toBe(4);
  world.stop();
  expect(await retry(work, world.signal, world)).toBeUndefined();
});

test('many machines say once that the server is away, and once that it answers again', async () => {
  const said: string[] = [];
  const say = sayTogether((line) => said.push(line));
  const worlds = Array.from({ length: 10 }, () => play({ endsAfterMs: 30_000 }));
  for (const outage of ['away', 'busy']) {
    const tries = worlds.map(({ signal, clock }) => {
      let failures = 3;
      const work = async () => {
        if (failures-- > 0) throw new Unavailable(outage);
      };
      return retry(work, signal, { say, clock });
    });
    await Promise.all(tries);
  }
  expect(said).toEqual([
    'away Trying again.',
    'The server answers again.',
    'busy Trying again.',
    'The server answers again.',
  ]);
});
