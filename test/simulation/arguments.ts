import { parseArgs } from 'node:util';
import { DIGITS_WITH_EXPONENT, oneOf, parseOrExplain, wholeNumber } from '../support/arguments.ts';
import { SABOTAGES, type SabotageName } from './sabotage.ts';

export interface RunOptions {
  readonly seed: number;
  /** Ends the run after so many reads. */
  readonly reads: number;
  /** Ends the run after so many minutes. */
  readonly minutes: number;
  readonly sabotage: SabotageName;
}

const NAMES = Object.keys(SABOTAGES) as SabotageName[];

export const USAGE = `Usage: npm run check:simulation -- [option]…

Simulates several instances of the server on one database, in virtual time: caches, change feeds and the second tier are
the real ones; database, connections, Redis and clocks are simulated. Judges everything that is read, and stops at the
first violation. The seed determines the run, whatever the machine. Exits with 1 when a promise was broken.

  --seed N          chooses everything that happens (default: a new one, which is printed)
  --reads N         how many reads to simulate, at least; 1e8 is allowed (default 1e6)
  --minutes N       ends the run earlier (default: no limit)
  --sabotage NAME   breaks a promise on purpose, to test the simulation: ${NAMES.join(', ')}
                    (default none)
  --help            this text
`;

/** @throws {UsageError} */
export function parseArguments(args: string[]): RunOptions | 'help' {
  const { values } = parse(args);
  if (values.help) return 'help';
  return {
    seed: number('seed', values.seed ?? String(Math.floor(Math.random() * 1_000_000)), 0, 2 ** 32 - 1),
    reads: number('reads', values.reads, 1, 1e12),
    minutes: values.minutes === undefined ? Number.POSITIVE_INFINITY : number('minutes', values.minutes, 1, 10_000),
    sabotage: oneOf('sabotage', values.sabotage, NAMES),
  };
}

function parse(args: string[]) {
  return parseOrExplain(() =>
    parseArgs({
      args,
      options: {
        seed: { type: 'string' },
        reads: { type: 'string', default: '1e6' },
        minutes: { type: 'string' },
        sabotage: { type: 'string', default: 'none' },
        help: { type: 'boolean', default: false },
      },
    }),
  );
}

function number(option: string, text: string, min: number, max: number): number {
  return wholeNumber(option, text, min, max, DIGITS_WITH_EXPONENT);
}
