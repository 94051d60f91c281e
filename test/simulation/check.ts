import { UsageError } from '../support/arguments.ts';
import { parseArguments, type RunOptions, USAGE } from './arguments.ts';
import { runChapters, type Totals } from './chapters.ts';

const EXIT_VIOLATION = 1;
const EXIT_USAGE = 2;
const PROGRESS_PERIOD_MS = 10_000;

try {
  const options = parseArguments(process.argv.slice(2));
  if (options === 'help') console.log(USAGE);
  else await run(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
}

async function run(options: RunOptions): Promise<void> {
  const { seed, reads, minutes, sabotage } = options;
  console.log(`seed ${seed}`);
  const startedAt = process.hrtime.bigint();
  const seconds = () => Number(process.hrtime.bigint() - startedAt) / 1e9;
  let shownAtSeconds = 0;
  const onChapter = (totals: Totals) => {
    if (1000 * (seconds() - shownAtSeconds) < PROGRESS_PERIOD_MS) return;
    shownAtSeconds = seconds();
    console.log(describe(totals, seconds()));
  };
  const isOver = () => seconds() >= 60 * minutes;
  const totals = await runChapters({ seed, reads, sabotage, isOver, onChapter });
  console.log(`\n${describe(totals, seconds())}\ndigest ${totals.digest}\n\nviolations ${totals.violation ? 1 : 0}`);
  if (!totals.violation) return;
  const { rule, text, events } = totals.violation;
  const flag = sabotage === 'none' ? '' : ` --sabotage ${sabotage}`;
  console.log(`\n  ${rule}\n      ${text}\n\n  before it:\n${events.join('\n')}`);
  console.log(
    `\nTo replay it: npm run check:simulation -- --seed ${totals.lastSeed} --reads ${totals.lastReads}${flag}`,
  );
  process.exitCode = EXIT_VIOLATION;
}

function describe({ reads, writes, faults, virtualSeconds, chapters }: Totals, seconds: number): string {
  return (
    `${seconds.toFixed(0).padStart(5)} s  ${reads} reads (${Math.round(reads / seconds)}/s), ${writes} writes, ` +
    `${faults} faults in ${virtualSeconds.toFixed(0)} virtual s, ${chapters} chapters`
  );
}
