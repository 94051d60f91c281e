import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { loadConfig, loadEnvFileIfPresent } from '../config/config.ts';
import { openDatabase } from '../database/database.ts';
import { migrate } from '../database/migrate.ts';
import { seedFleet } from '../features/demo-fleet/index.ts';
import { entities, migrations } from '../features/index.ts';
import { explainFailure } from '../process/start-error.ts';

const USAGE = `Fills the configured database with the demo fleet. Rows that are there already stay as they are.

  npm run seed -- [--workstations 1000] [--managers 100]

Only one process can use the embedded database: stop the server first, or use PostgreSQL (DATABASE_URL).`;

const EXIT_BAD_USAGE = 64;
const MAX_ROWS = 10_000_000;

async function seed(): Promise<void> {
  const { values } = parseArgs({
    options: {
      workstations: { type: 'string', default: '1000' },
      managers: { type: 'string', default: '100' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const workstations = count('--workstations', values.workstations);
  const managers = count('--managers', values.managers);
  loadEnvFileIfPresent();
  const database = await openDatabase(loadConfig(process.env).database, { entities, migrations });
  try {
    await migrate(database);
    const added = await seedFleet(database, { workstations, managers, onProgress: showProgress });
    const kept = workstations + managers - added;
    console.log(`\n${added} rows added, ${kept} were there already.`);
  } finally {
    await database.close();
  }
}

function count(option: string, given: string): number {
  const number = Number(given);
  if (!/^\d+$/.test(given) || number > MAX_ROWS) {
    throw new TypeError(`${option} is a whole number, 0 to ${MAX_ROWS}; got ${given}.`);
  }
  return number;
}

/** Overwrites one line on a terminal. Elsewhere it prints a line at each tenth. */
function showProgress(done: number, total: number): void {
  const percent = Math.floor((100 * done) / total);
  if (process.stdout.isTTY) process.stdout.write(`\r${percent} % (${done} of ${total} rows)`);
  else if (done === total || percent % 10 === 0) console.log(`${percent} % (${done} of ${total} rows)`);
}

seed().catch((error) => {
  if (error instanceof TypeError) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = EXIT_BAD_USAGE;
    return;
  }
  const { message, exitCode } = explainFailure(error);
  console.error(message);
  process.exitCode = exitCode;
});
