import { UsageError } from '../support/arguments.ts';
import { findPostgresqlPrograms } from '../support/postgresql-cluster.ts';
import { isRedisInstalled } from '../support/redis.ts';
import { parseArguments, USAGE } from './arguments.ts';
import { judge } from './judge.ts';
import { printVerdict } from './report.ts';
import { run } from './run.ts';

const EXIT_VIOLATIONS = 1;
const EXIT_USAGE = 2;

const installed = { redis: isRedisInstalled(), programs: await findPostgresqlPrograms() };

try {
  const options = parseArguments(process.argv.slice(2), installed);
  if (options === 'help') {
    console.log(USAGE);
  } else {
    if (!options.redis)
      console.log('There is no redis-server on the PATH: this run has no Redis and no faults of Redis.');
    if (installed.programs === null)
      console.log("PostgreSQL's programs were not found: this run has no failovers, standbys and restores.");
    const history = await run(options);
    const verdict = judge(history, options);
    printVerdict(history, verdict, options);
    process.exitCode = verdict.violations.length === 0 ? 0 : EXIT_VIOLATIONS;
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
}
