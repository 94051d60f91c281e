import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Connection, post } from './connection.ts';
import { withFleet } from './database.ts';
import { body } from './queries.ts';
import { STATIONMASTER, startServer } from './servers.ts';
import { createRandom } from './zipf.ts';

const USAGE = `Measures what the summary of a fleet costs that reports: the SQL statements besides those of the reports, and the server's CPU.

  npm run bench:summary -- [--seconds 10] [--workstations 10000]

It writes 1,000 rows a second, first alone, then while 1,000 summaries a second are read. It creates a database on the PostgreSQL of DATABASE_URL (default
postgres://postgres@127.0.0.1:5432/), and drops it at the end.`;

const ROWS_PER_REPORT = 100;
const REPORTS_PER_SECOND = 10;
const READS_PER_SECOND = 1000;
const READERS = 4;

const SUMMARY =
  body(`{ fleetSummary { total unmanaged byStatus { status count } byOperatingSystem { operatingSystem count }
  cpuUsage { reported minimum average maximum } memoryUsage { minimum average maximum } } }`);

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '10' },
      workstations: { type: 'string', default: '10000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const seconds = Number(values.seconds);
  await withFleet(Number(values.workstations), async ({ url, ids }) => {
    const server = await startServer(STATIONMASTER, { databaseUrl: url });
    try {
      for (const readsPerSecond of [0, READS_PER_SECOND]) {
        await work(server.url, ids, { seconds: 1, readsPerSecond });
        const before = await server.usage();
        const { reads, reports } = await work(server.url, ids, { seconds, readsPerSecond });
        const after = await server.usage();
        const rate = (count: number) => (count / seconds).toFixed(1);
        console.log(
          `${rate(reads)} summaries and ${rate(ROWS_PER_REPORT * reports)} rows a second: ` +
            `${rate(after.statements - before.statements - reports)} SQL statements a second besides the reports, ` +
            `${((after.cpuMs - before.cpuMs) / seconds / 10).toFixed(0)} % of a core`,
        );
      }
    } finally {
      await server.stop();
    }
  });
}

/** Reads and reports at a steady rate, each connection one request after the other. */
async function work(
  url: string,
  ids: readonly string[],
  { seconds, readsPerSecond }: { readonly seconds: number; readonly readsPerSecond: number },
): Promise<{ reads: number; reports: number }> {
  const random = createRandom(1);
  let reported = 0;
  const report = () => {
    const readings = Array.from({ length: ROWS_PER_REPORT }, () => ({
      workstationId: ids[reported++ % ids.length],
      cpuUsage: 100 * random(),
      memoryUsage: 100 * random(),
    }));
    return body('mutation ($readings: [TelemetryReading!]!) { reportTelemetry(readings: $readings) { stored } }', {
      readings,
    });
  };
  const readers = readsPerSecond === 0 ? 0 : READERS;
  const reads = Array.from({ length: readers }, () => repeat(url, () => SUMMARY, readsPerSecond / readers, seconds));
  const [reports, ...counts] = await Promise.all([repeat(url, report, REPORTS_PER_SECOND, seconds), ...reads]);
  return { reads: counts.reduce((sum, count) => sum + count, 0), reports: reports! };
}

async function repeat(url: string, next: () => string, perSecond: number, seconds: number): Promise<number> {
  const connection = await Connection.open(url, (error) => {
    throw error;
  });
  const startedAtMs = performance.now();
  let count = 0;
  for (; performance.now() - startedAtMs < 1000 * seconds; count++) {
    const answer = await new Promise<string>((resolve) => {
      connection.onAnswer = (_status, bytes) => resolve(bytes.toString());
      connection.send(post(url, next()));
    });
    if (answer.includes('"errors"')) throw new Error(answer.slice(0, 500));
    const dueInMs = startedAtMs + (1000 * (count + 1)) / perSecond - performance.now();
    if (dueInMs > 1) await sleep(dueInMs);
  }
  connection.close();
  return count;
}

await run();
