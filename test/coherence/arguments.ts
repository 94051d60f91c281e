import { parseArgs } from 'node:util';
import { oneOf, parseOrExplain, UsageError, wholeNumber } from '../support/arguments.ts';
import { NEMESIS_NAMES, type NemesisName, needsPrograms, needsRedis } from './nemesis.ts';

export const SABOTAGE_NAMES = [
  'none',
  'no-fence',
  'ignore-gaps',
  'lax-lists',
  'old-redis',
  'keep-feed',
  'ignore-positions',
  'read-standbys',
  'lose-live-updates',
  'keep-live-answers',
  'lose-replayed-changes',
  'forget-positions',
] as const;

/** How the instances hear of changes: all in one way, or every second one by logical decoding. */
export const CHANGE_FEEDS = ['notify', 'logical', 'mixed'] as const;

export interface RunOptions {
  readonly changeFeed: (typeof CHANGE_FEEDS)[number];
  readonly seconds: number;
  readonly instances: number;
  readonly seed: number;
  readonly nemeses: readonly NemesisName[];
  /** Whether the instances share a second cache tier. */
  readonly redis: boolean;
  /** The folder of PostgreSQL's programs, if a nemesis or the change feed needs them: the run then has a server of its own. */
  readonly programs: string | null;
  readonly sabotage: (typeof SABOTAGE_NAMES)[number];
  readonly deltaMs: number;
  readonly faultDeltaMs: number;
  readonly liveDeltaMs: number;
}

export const USAGE = `Usage: npm run check:coherence -- [option]…

Runs several servers on one PostgreSQL, writes, reads and injects faults, and judges the servers' answers.
The run starts its own PostgreSQL with a standby, if one of its faults needs them; their programs are looked for in
POSTGRESQL_BIN and in the usual places. Otherwise it creates a database on TEST_DATABASE_URL (default
postgres://postgres@127.0.0.1:5432/test) and drops it at the end. It starts its own redis-server, found on the PATH. What
is not installed is left out, with its faults. Exits with 1 when a promise was broken.

  --seconds N            how long to write and read (default 60)
  --instances N          how many servers, 1 to 8 (default 2)
  --seed N               chooses the writes, the reads and the faults (default: a new one, which is printed)
  --nemeses LIST         all, none, or some of ${NEMESIS_NAMES.join(',')} (default all)
  --change-feed NAME     how the servers hear of changes: ${CHANGE_FEEDS.join(', ')} (default notify)
  --sabotage NAME        breaks the server on purpose, to test the checker: ${SABOTAGE_NAMES.join(', ')} (default none)
  --delta-ms N           how old a fresh answer may be on another instance than the writer's (default 1000)
  --fault-delta-ms N     the same while an instance was stopped or its feed silent (default 3500)
  --live-delta-ms N      how long the last answer to a live query may be wrong, apart from its throttle (default 5000)
  --help                 this text
`;

/** What a run could start. */
export interface Installed {
  readonly redis: boolean;
  /** The folder of PostgreSQL's programs; `null` without them. */
  readonly programs: string | null;
}

/** @throws {UsageError} */
export function parseArguments(args: string[], installed: Installed): RunOptions | 'help' {
  const { values } = parse(args);
  if (values.help) return 'help';
  const chosen = nemeses(values.nemeses, installed);
  const changeFeed = oneOf('change-feed', values['change-feed'], CHANGE_FEEDS);
  const needsServer = changeFeed !== 'notify' || chosen.some(needsPrograms);
  if (changeFeed !== 'notify' && installed.programs === null) {
    throw new UsageError(`--change-feed ${changeFeed} needs PostgreSQL's programs, which were not found.`);
  }
  return {
    changeFeed,
    seconds: wholeNumber('seconds', values.seconds, 1, 86_400),
    instances: wholeNumber('instances', values.instances, 1, 8),
    seed: wholeNumber('seed', values.seed ?? String(Math.floor(Math.random() * 1_000_000)), 0, 2 ** 32 - 1),
    nemeses: chosen,
    redis: installed.redis,
    programs: needsServer ? installed.programs : null,
    sabotage: oneOf('sabotage', values.sabotage, SABOTAGE_NAMES),
    deltaMs: wholeNumber('delta-ms', values['delta-ms'], 1, 60_000),
    faultDeltaMs: wholeNumber('fault-delta-ms', values['fault-delta-ms'], 1, 60_000),
    liveDeltaMs: wholeNumber('live-delta-ms', values['live-delta-ms'], 1, 60_000),
  };
}

function parse(args: string[]) {
  return parseOrExplain(() =>
    parseArgs({
      args,
      options: {
        seconds: { type: 'string', default: '60' },
        instances: { type: 'string', default: '2' },
        seed: { type: 'string' },
        nemeses: { type: 'string', default: 'all' },
        'change-feed': { type: 'string', default: 'notify' },
        sabotage: { type: 'string', default: 'none' },
        'delta-ms': { type: 'string', default: '1000' },
        'fault-delta-ms': { type: 'string', default: '3500' },
        'live-delta-ms': { type: 'string', default: '5000' },
        help: { type: 'boolean', default: false },
      },
    }),
  );
}

function nemeses(text: string, { redis, programs }: Installed): readonly NemesisName[] {
  const missing = (name: NemesisName) => {
    if (!redis && needsRedis(name)) return 'redis-server, which is not on the PATH';
    return programs === null && needsPrograms(name) ? "PostgreSQL's programs, which were not found" : null;
  };
  if (text === 'all') return NEMESIS_NAMES.filter((name) => missing(name) === null);
  if (text === 'none') return [];
  const names = text.split(',').map((name) => oneOf('nemeses', name.trim(), NEMESIS_NAMES));
  for (const name of names) {
    const what = missing(name);
    if (what !== null) throw new UsageError(`${name} needs ${what}.`);
  }
  return names;
}
