import { parseArgs } from 'node:util';
import { findGrowth, type Sample } from './judge.ts';
import { run } from './run.ts';

const USAGE = `Usage: npm run check:soak -- [--seconds 600] [--seed N]

Runs one server under load and faults, prints its figures, and exits with 1 when memory, descriptors, sockets or
subscriptions grow. PostgreSQL is TEST_DATABASE_URL; the run creates a database there and drops it at the end.`;

const EXIT_GROWTH = 1;
const EXIT_USAGE = 64;
const LINES = 20;

async function check(): Promise<void> {
  const { seconds, seed } = parse();
  console.log(`seed ${seed}`);
  let nextLineSeconds = 0;
  const samples = await run(seconds, seed, (sample) => {
    if (sample.atSeconds < nextLineSeconds) return;
    nextLineSeconds += seconds / LINES;
    print(sample);
  });
  const growth = findGrowth(samples);
  console.log(growth.length === 0 ? '\neverything is flat' : `\n${growth.join('\n')}`);
  if (growth.length > 0) process.exitCode = EXIT_GROWTH;
}

function print({ atSeconds, heapMb, residentMb, descriptors, sockets, subscriptions }: Sample): void {
  const memory = `heap ${heapMb.toFixed(0)} MB, resident ${residentMb.toFixed(0)} MB`;
  const open = `${descriptors} descriptors, ${sockets} sockets, ${subscriptions} subscriptions`;
  console.log(`${atSeconds.toFixed(0).padStart(5)} s: ${memory}, ${open}`);
}

function parse(): { seconds: number; seed: number } {
  try {
    const { values } = parseArgs({
      options: { seconds: { type: 'string', default: '600' }, seed: { type: 'string' } },
    });
    const seconds = Number(values.seconds);
    const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
    if (!Number.isInteger(seconds) || seconds < 20) {
      throw new TypeError(`--seconds is a whole number from 20; got ${values.seconds}.`);
    }
    if (!Number.isInteger(seed) || seed < 0)
      throw new TypeError(`--seed is a whole number from 0; got ${values.seed}.`);
    return { seconds, seed };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

await check();
