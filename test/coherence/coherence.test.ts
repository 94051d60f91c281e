import { execFile } from 'node:child_process';
import { engine } from '../../src/testing/test-database.ts';
import { UsageError } from '../support/arguments.ts';
import { findPostgresqlPrograms } from '../support/postgresql-cluster.ts';
import { parseArguments } from './arguments.ts';

const ROOT = new URL('../../', import.meta.url);
const RUN_DEADLINE_MS = 300_000;
const ALWAYS_POSSIBLE = ['kill-feed', 'terminate', 'stop', 'delay', 'cut', 'freeze', 'freeze-feed', 'deafen'].concat([
  'stall-log',
  'alter-column',
  'restart',
]);
const WITH_PROGRAMS = ['lagging-standby', 'failover', 'restore'];

/** Rules about wrong answers, independent of other failures in the run. */
const WRONG_ANSWERS =
  /^(never-written|stale-read|foreign-row|missing-row|wrong-count|wrong-summary|wrong-order|deleted-came-back|differs-after-quiet)$/;

/** The planted faults take minutes to find, and neither the version of PostgreSQL nor the fast path hides them: once is enough. */
const SEARCHES_FOR_FAULTS = process.env.PLANTED_FAULTS !== 'off';

/** What shows another sabotage. */
const RULES: Readonly<Record<string, RegExp>> = {
  'lose-live-updates': /^(missing-live-answer|differs-after-quiet)$/,
  'keep-live-answers': /^(missing-live-answer|differs-after-quiet)$/,
  'lose-replayed-changes': /^missing-event$/,
  'forget-positions': /^needless-refetch$/,
};

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

function run(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: ROOT, timeout: RUN_DEADLINE_MS }, (error, stdout, stderr) => {
      resolve({ exitCode: error ? Number(error.code ?? -1) : 0, output: stdout + stderr });
    });
  });
}

function check(...options: string[]): Promise<Outcome> {
  return run('test/coherence/check.ts', ...options);
}

/** The broken rules, by their names in the report: those explained, and those of which it has only numbers. */
function rulesIn(output: string): string[] {
  const explained = output.matchAll(/^ {2}([a-z]+(?:-[a-z]+)+)(?: \(\d+ times\))?$/gm);
  const others = /^ {2}and \d+ more: (.*)$/m.exec(output)?.[1] ?? '';
  return [...explained, ...others.matchAll(/\d+ ([a-z-]+)/g)].map(([, rule]) => rule!);
}

const everything = { redis: true, programs: '/usr/bin' };
const nothing = { redis: false, programs: null };

describe('the arguments', () => {
  test('have defaults, except the seed, which is new in each run', () => {
    expect(parseArguments([], everything)).toEqual({
      seconds: 60,
      instances: 2,
      seed: expect.any(Number),
      nemeses: [...ALWAYS_POSSIBLE, ...WITH_PROGRAMS, 'kill-redis', 'pause-redis'],
      redis: true,
      programs: '/usr/bin',
      sabotage: 'none',
      changeFeed: 'notify',
      deltaMs: 1000,
      faultDeltaMs: 3500,
      liveDeltaMs: 5000,
    });
  });

  test('choose the nemeses by name', () => {
    expect(parseArguments(['--nemeses', 'none'], everything)).toMatchObject({ nemeses: [] });
    expect(parseArguments(['--nemeses', 'cut, stop'], everything)).toMatchObject({
      nemeses: ['cut', 'stop'],
      programs: null,
    });
  });

  test('start a server of the run where the log is decoded, whatever the faults', () => {
    const decoded = ['--change-feed', 'logical', '--nemeses', 'none'];
    expect(parseArguments(decoded, everything)).toMatchObject({ changeFeed: 'logical', programs: '/usr/bin' });
    expect(() => parseArguments(decoded, nothing)).toThrow(
      "--change-feed logical needs PostgreSQL's programs, which were not found.",
    );
  });

  test('omit the faults of programs that are not installed, unless one is chosen by name', () => {
    expect(parseArguments([], nothing)).toMatchObject({ nemeses: ALWAYS_POSSIBLE, redis: false, programs: null });
    const asked = (names: string) => () => parseArguments(['--nemeses', names], nothing);
    expect(asked('cut,pause-redis')).toThrow(
      new UsageError('pause-redis needs redis-server, which is not on the PATH.'),
    );
    expect(asked('restore')).toThrow(new UsageError("restore needs PostgreSQL's programs, which were not found."));
  });

  test.each([
    [['--seconds', 'ten'], /--seconds must be a whole number from 1 to 86400, but is "ten"/],
    [['--instances', '0'], /--instances must be a whole number from 1 to 8/],
    [['--nemeses', 'cut,rain'], /--nemeses knows .*, but not "rain"/],
    [
      ['--sabotage', 'all'],
      /--sabotage knows none, no-fence, ignore-gaps, lax-lists, old-redis, keep-feed, ignore-positions, read-standbys, lose-live-updates, keep-live-answers, lose-replayed-changes, forget-positions, but not "all"/,
    ],
    [['--minutes', '1'], /--minutes/],
  ])('are refused when they say %j', (args, message) => {
    expect(() => parseArguments(args, everything)).toThrow(UsageError);
    expect(() => parseArguments(args, everything)).toThrow(message);
  });
});

describe('the command', () => {
  test('prints its usage and exits with 2 for unknown arguments', async () => {
    const { exitCode, output } = await check('--seconds', 'ten');
    expect(exitCode).toBe(2);
    expect(output).toMatch(/Usage: npm run check:coherence/);
  });

  test('prints its options', async () => {
    expect(await check('--help')).toMatchObject({ exitCode: 0, output: expect.stringContaining('--nemeses LIST') });
  });
});

if (engine === 'postgresql') {
  const programs = await findPostgresqlPrograms();
  describe('several servers on one PostgreSQL', () => {
    beforeAll(async () => {
      const { exitCode, output } = await run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
      if (exitCode !== 0) throw new Error(output);
    }, RUN_DEADLINE_MS);

    test(
      'keep every promise for 20 s of faults',
      async () => {
        const { exitCode, output } = await check('--seconds', '20', '--seed', '1');
        expect(output).toMatch(/^violations 0$/m);
        expect(exitCode).toBe(0);
      },
      RUN_DEADLINE_MS,
    );

    (SEARCHES_FOR_FAULTS ? test : test.skip).each([
      ['no-fence', 'delay', 'a late answer of the database fills the cache'],
      ['ignore-gaps', 'cut,kill-feed', 'a lost feed goes unnoticed'],
      ['lax-lists', 'none', 'a change of status drops no list'],
      ['old-redis', 'none', 'a change is not written to Redis'],
      ['keep-feed', 'deafen', 'an echo that is not heard does not count'],
      ['lose-live-updates', 'none', 'a live query is not made anew'],
      ['keep-live-answers', 'kill-feed', 'the end of a gap makes no live query anew'],
      ['lose-replayed-changes', 'none', 'a subscription that resumes misses a change'],
      ['forget-positions', 'none', 'a subscription that resumes has to fetch again'],
      ['ignore-positions', 'freeze-feed', 'a read does not wait for its position'],
      ...(programs
        ? [
            ['keep-feed', 'restore', 'a restore that is heard of does not count'],
            ['read-standbys', 'lagging-standby', 'a standby is taken for a primary'],
          ]
        : []),
    ])(
      'are caught when they break one: %s under %s',
      async (sabotage, nemeses) => {
        const options = ['--seconds', '20', '--delta-ms', '500', '--sabotage', sabotage, '--nemeses', nemeses];
        // The fault shows only if a race happens, and a slow machine has fewer races in 20 s. Events may show it first.
        const rules = RULES[sabotage!] ?? WRONG_ANSWERS;
        let caught: Outcome | undefined;
        for (const seed of ['1', '2', '3']) {
          caught = await check(...options, '--seed', seed);
          if (rulesIn(caught.output).some((rule) => rules.test(rule))) break;
        }
        expect(rulesIn(caught!.output)).toEqual(expect.arrayContaining([expect.stringMatching(rules)]));
        expect(caught!.exitCode).toBe(1);
      },
      3 * RUN_DEADLINE_MS,
    );
  });
}
