import type { Bench, Report, Workload } from '../bench.ts';
import { median } from '../median.ts';
import { type RunningServer, STATIONMASTER, startServer } from '../servers.ts';
import { atLeast } from '../verdict.ts';

const FORMATS = ['csv', 'ndjson'] as const;

interface Measurement {
  readonly rowsPerSecond: number;
  readonly cpuMicrosecondsPerRow: number;
  readonly peakMegabytes: number;
}

export const exports: Workload = { name: 'export', run };

async function run(bench: Bench): Promise<Report> {
  const measured = FORMATS.map((): Measurement[] => []);
  for (let round = 1; round <= bench.rounds; round++) {
    for (const [index, format] of FORMATS.entries()) {
      const server = await startServer(STATIONMASTER, { databaseUrl: bench.fleet.url });
      try {
        const measurement = await measure(server, format, bench);
        measured[index]!.push(measurement);
        bench.progress(`  round ${round}, ${format}: ${Math.round(measurement.rowsPerSecond)} rows/s`);
      } finally {
        await server.stop();
      }
    }
  }
  const figures = measured.map((of) => (name: keyof Measurement) => median(of.map((one) => one[name])));
  return {
    name: 'export',
    title: 'Export',
    method: `One client exports all ${bench.fleet.ids.length} workstations again and again.`,
    columns: ['format', 'rows/s', 'server CPU µs a row', 'peak MB'],
    rows: figures.map((figure, index) => [
      FORMATS[index]!,
      Math.round(figure('rowsPerSecond')),
      Number(figure('cpuMicrosecondsPerRow').toFixed(1)),
      Math.round(figure('peakMegabytes')),
    ]),
    verdicts: figures.map((figure, index) =>
      atLeast(`${FORMATS[index]}: at least 20,000 rows a second`, figure('rowsPerSecond'), 20_000),
    ),
  };
}

async function measure(server: RunningServer, format: string, { fleet, seconds }: Bench): Promise<Measurement> {
  const exportOnce = async () => {
    const answer = await fetch(`${server.url}/export/workstations.${format}`);
    const lines = (await answer.text()).trimEnd().split('\n').length - (format === 'csv' ? 1 : 0);
    if (lines !== fleet.ids.length) throw new Error(`An export of ${fleet.ids.length} workstations had ${lines} rows.`);
  };
  await exportOnce();
  const before = await server.usage();
  const startedAtMs = performance.now();
  let rows = 0;
  for (; performance.now() - startedAtMs < 1000 * seconds; rows += fleet.ids.length) await exportOnce();
  const tookSeconds = (performance.now() - startedAtMs) / 1000;
  const after = await server.usage();
  return {
    rowsPerSecond: rows / tookSeconds,
    cpuMicrosecondsPerRow: (1000 * (after.cpuMs - before.cpuMs)) / rows,
    peakMegabytes: after.peakMegabytes,
  };
}
