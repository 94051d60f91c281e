import { UsageError } from '../support/arguments.ts';
import { parseArguments } from './arguments.ts';
import { runChapters } from './chapters.ts';
import { SABOTAGES, type SabotageName } from './sabotage.ts';

/** Enough for each planted fault, in seconds. */
const SEARCH_READS = 200_000;

const NAMES = Object.keys(SABOTAGES).filter((name) => name !== 'none') as SabotageName[];

describe('a simulation of several instances', () => {
  test('finds no broken promise', async () => {
    const { reads, violation } = await runChapters({ seed: 1, reads: 20_000 });
    expect(violation).toBeNull();
    expect(reads).toBeGreaterThanOrEqual(20_000);
  });

  test('is the same for the same seed, and another for another', async () => {
    const run = async (seed: number) => (await runChapters({ seed, reads: 5000 })).digest;
    expect(await run(7)).toBe(await run(7));
    expect(await run(8)).not.toBe(await run(7));
  });

  test.each(NAMES)('finds what is broken on purpose: %s', async (sabotage) => {
    const { violation } = await runChapters({ seed: 1, reads: SEARCH_READS, sabotage });
    expect(violation).toMatchObject({ rule: expect.any(String), events: expect.any(Array) });
  });

  test('is replayed by the seed of its last chapter', async () => {
    const first = await runChapters({ seed: 3, reads: SEARCH_READS, sabotage: 'no-fence' });
    const again = await runChapters({ seed: first.lastSeed, reads: first.lastReads, sabotage: 'no-fence' });
    expect(again.violation).toEqual(first.violation);
  });
});

describe('the arguments', () => {
  test('have defaults, except the seed, which is new in each run', () => {
    const limits = { reads: 1_000_000, minutes: Number.POSITIVE_INFINITY };
    expect(parseArguments([])).toEqual({ seed: expect.any(Number), ...limits, sabotage: 'none' });
  });

  test('take large numbers with an exponent', () => {
    expect(parseArguments(['--reads', '1e8', '--seed', '5'])).toMatchObject({ reads: 100_000_000, seed: 5 });
  });

  test.each([
    [['--reads', 'many'], /--reads must be a whole number from 1 to/],
    [['--sabotage', 'all'], /--sabotage knows none, .*, but not "all"/],
    [['--hours', '1'], /--hours/],
  ])('are refused when they say %j', (args, message) => {
    expect(() => parseArguments(args)).toThrow(UsageError);
    expect(() => parseArguments(args)).toThrow(message);
  });
});
