import { parseArgs } from 'node:util';
import { run } from './run.ts';

const USAGE = `Usage: npm run check:crash -- [--rounds 100] [--seed N]

Kills the server with SIGKILL at random moments: while it starts, during writes, or while it stops. The server uses its
embedded database. After each restart the command looks for every answered write. Exits with 1 when one is lost.`;

const EXIT_LOSSES = 1;
const EXIT_USAGE = 64;

async function check(): Promise<void> {
  const { rounds, seed } = parse();
  console.log(`seed ${seed}`);
  const reports = await run({
    rounds,
    seed,
    onRound: (round, { whileStarting, answered, losses }) => {
      const what = whileStarting ? 'killed while starting' : `killed after ${answered} answered writes`;
      console.log([`round ${round}: ${what}, ${losses.length} losses`, ...losses].join('\n  '));
    },
  });
  const answered = reports.reduce((sum, report) => sum + report.answered, 0);
  const losses = reports.reduce((sum, report) => sum + report.losses.length, 0);
  console.log(`\n${rounds} rounds, ${answered} answered writes, ${losses} losses`);
  if (losses > 0) process.exitCode = EXIT_LOSSES;
}

function parse(): { rounds: number; seed: number } {
  try {
    const { values } = parseArgs({ options: { rounds: { type: 'string', default: '100' }, seed: { type: 'string' } } });
    const rounds = Number(values.rounds);
    const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
    if (!Number.isInteger(rounds) || rounds < 1)
      throw new TypeError(`--rounds is a whole number from 1; got ${values.rounds}.`);
    if (!Number.isInteger(seed) || seed < 0)
      throw new TypeError(`--seed is a whole number from 0; got ${values.seed}.`);
    return { rounds, seed };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

await check();
