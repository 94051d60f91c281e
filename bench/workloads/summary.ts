import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Report, Workload } from '../bench.ts';
import { Connection, post } from '../connection.ts';
import { body, REPORT } from '../queries.ts';
import { STATIONMASTER, startServer } from '../servers.ts';
import { atLeast, atMost } from '../verdict.ts';
import { createRandom } from '../zipf.ts';

const ROWS_PER_REPORT = 100;
const REPORTS_PER_SECOND = 10;
const READS_PER_SECOND = 1000;
const READERS = 4;

const SUMMARY =
  body(`{ fleetSummary { total unmanaged byStatus { status count } byOperatingSystem { operatingSystem count }
  cpuUsage { reported minimum average maximum } memoryUsage { minimum average maximum } } }`);

export const summary: Workload = { name: 'summary', run };

interface Figures {
  readonly summariesPerSecond: number;
  readonly rowsPerSecond: number;
  /** Besides those of the reports. */
  readonly statementsPerSecond: number;
  readonly cpuPercent: number;
}

async function run({ fleet, seconds: given, rounds }: Bench): Promise<Report> {
  const server = await startServer(STATIONMASTER, {
    databaseUrl: fleet.url,
    environment: { CACHE_AUDIT_PERCENT: '0' },
  });
  const seconds = given * rounds;
  const figures: Figures[] = [];
  try {
    for (const readsPerSecond of [0, READS_PER_SECOND]) {
      await work(server.url, fleet.ids, { seconds: 1, readsPerSecond });
      const before = await server.usage();
      const { reads, reports } = await work(server.url, fleet.ids, { seconds, readsPerSecond });
      const after = await server.usage();
      figures.push({
        summariesPerSecond: reads / seconds,
        rowsPerSecond: (ROWS_PER_REPORT * reports) / seconds,
        statementsPerSecond: (after.statements - before.statements - reports) / seconds,
        cpuPercent: (after.cpuMs - before.cpuMs) / seconds / 10,
      });
    }
  } finally {
    await server.stop();
  }
  const [alone, read] = figures as [Figures, Figures];
  return {
    name: 'summary',
    title: 'Summary',
    method:
      'Reports change 1,000 rows a second: first alone, then while the summary of the fleet is read 1,000 times a second. ' +
      'The statements are those besides the reports; some are the server’s watch over its own database. The audit is off: it ' +
      'would compare the summary with the database once a second.',
    columns: ['', 'summaries/s', 'rows written/s', 'SQL statements/s', 'server CPU % of a core'],
    rows: figures.map((of, index) => [
      index === 0 ? 'reports alone' : 'with readers',
      Math.round(of.summariesPerSecond),
      Math.round(of.rowsPerSecond),
      Number(of.statementsPerSecond.toFixed(1)),
      Math.round(of.cpuPercent),
    ]),
    verdicts: [
      atMost('readers cause at most 1 SQL statement a second', read.statementsPerSecond - alone.statementsPerSecond, 1),
      atLeast('1000 summaries a second', read.summariesPerSecond, 0.98 * READS_PER_SECOND),
      atLeast('1000 rows written a second', read.rowsPerSecond, 980),
    ],
  };
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
    return body(REPORT, { readings });
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
