import type { CacheStats } from '../../src/cache/index.ts';
import type { Bench, Report, Workload } from '../bench.ts';
import type { Fleet } from '../database.ts';
import { documentsFor, REPORT } from '../queries.ts';
import { type Figures, takeTurns } from '../rounds.ts';
import { baselineOf, type RunningServer, STATIONMASTER, startServer } from '../servers.ts';
import { atLeast, levelWithBaseline } from '../verdict.ts';
import { ratioOf } from './steady.ts';

const CLIENTS = 64;
const ROWS_PER_SECOND = 1000;

export const telemetry: Workload = { name: 'telemetry', run };

async function run(bench: Bench): Promise<Report> {
  // One server in both turns: a second one would receive the same changes and spend the same time on them.
  const server = await startServer(STATIONMASTER, { databaseUrl: bench.fleet.url });
  const { baseline: other } = bench;
  const baseline = other
    ? await startServer(baselineOf(STATIONMASTER, other.folder), { databaseUrl: other.fleet.url })
    : null;
  const turns = [
    turnOf(bench.fleet, server, 'without writes', 0),
    turnOf(bench.fleet, server, `${ROWS_PER_SECOND} rows/s written`, ROWS_PER_SECOND),
    ...(baseline
      ? [turnOf(other!.fleet, baseline, `${ROWS_PER_SECOND} rows/s written, baseline`, ROWS_PER_SECOND)]
      : []),
  ];
  const measured = await takeTurns(bench, turns).finally(() => Promise.all([server.stop(), baseline?.stop()]));
  const [quiet, busy, baselineBusy] = measured as [Figures, Figures, Figures?];
  return {
    name: 'telemetry',
    title: 'Telemetry',
    method:
      `${CLIENTS} clients read the list of 50 and single workstations (Zipf) in turn: first alone, then while the same ` +
      `server receives telemetry of the whole fleet, ${ROWS_PER_SECOND} rows per second in requests of 100.`,
    columns: ['', 'requests/s', 'p50 ms', 'p99 ms', 'server CPU ms per 1,000', 'rows written/s', 'record hits %'],
    rows: measured.map((figures, index) => [
      turns[index]!.label,
      Math.round(figures.requestsPerSecond),
      Number(figures.p50Ms.toFixed(2)),
      Number(figures.p99Ms.toFixed(2)),
      Number(figures.cpuMsPer1000.toFixed(1)),
      Math.round(figures.rowsWrittenPerSecond),
      Number(recordHitsPercent(figures).toFixed(2)),
    ]),
    verdicts: [
      atLeast('the record layer hits in at least 99 % of its reads', recordHitsPercent(busy), 99),
      atLeast('at least 0.60 of the throughput without writes', busy.requestsPerSecond / quiet.requestsPerSecond, 0.6),
      atLeast(`${ROWS_PER_SECOND} rows written a second`, busy.rowsWrittenPerSecond, 0.98 * ROWS_PER_SECOND),
      ...(baselineBusy ? [levelWithBaseline(ratioOf(busy, baselineBusy))] : []),
    ],
  };
}

function turnOf({ ids }: Fleet, server: RunningServer, label: string, rowsPerSecond: number) {
  const { list, record } = documentsFor('stationmaster');
  const traffic = { kind: 'telemetry', list, record, report: REPORT, ids, rowsPerSecond } as const;
  return { label, contender: STATIONMASTER, connections: CLIENTS, server, traffic };
}

/** Over all rounds. */
function recordHitsPercent({ details }: Figures): number {
  const total = { hits: 0, misses: 0 };
  for (const [before, after] of details) {
    total.hits += recordLayer(after).hits - recordLayer(before).hits;
    total.misses += recordLayer(after).misses - recordLayer(before).misses;
  }
  return (100 * total.hits) / (total.hits + total.misses);
}

function recordLayer(details: unknown): { readonly hits: number; readonly misses: number } {
  const { layers } = details as CacheStats;
  return layers.find(({ name }) => name === 'workstations') ?? { hits: 0, misses: 0 };
}
