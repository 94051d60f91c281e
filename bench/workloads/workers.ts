import { availableParallelism } from 'node:os';
import type { Bench, Report, Workload } from '../bench.ts';
import { body, documentsFor } from '../queries.ts';
import { type Figures, takeTurns } from '../rounds.ts';
import { type RunningServer, STATIONMASTER, startProgram } from '../servers.ts';
import { atLeast } from '../verdict.ts';

const WORKERS = 2;
const KINDS = [
  { title: 'cached responses', environment: { RESPONSE_CACHE: 'on' } },
  { title: 'every request executed', environment: { RESPONSE_CACHE: 'off' } },
] as const;

export const workers: Workload = { name: 'workers', run };

async function run(bench: Bench): Promise<Report> {
  const running: RunningServer[] = [];
  const requests = [body(documentsFor('stationmaster').list)];
  try {
    const turns = [];
    for (const { title, environment } of KINDS) {
      for (const count of [1, WORKERS]) {
        const options = { databaseUrl: bench.fleet.url, environment: { ...environment, WORKERS: String(count) } };
        const server = await startProgram(options);
        running.push(server);
        const traffic = { kind: 'reads', requests, order: 'in turn' } as const;
        turns.push({ label: `${title}, ${count} workers`, contender: STATIONMASTER, server, traffic });
      }
    }
    return reportOn(
      turns.map(({ label }) => label),
      await takeTurns(bench, turns),
    );
  } finally {
    await Promise.all(running.map((server) => server.stop()));
  }
}

function reportOn(labels: readonly string[], figures: readonly Figures[]): Report {
  const speedUps = KINDS.map((_, index) => speedUp(figures[2 * index]!, figures[2 * index + 1]!));
  return {
    name: 'workers',
    title: 'Workers',
    method:
      `The program itself with WORKERS=1 and WORKERS=${WORKERS}, with requests for the hot list. The load generator runs on ` +
      'the same cores; the last column adjusts for its share, as if the workers had both cores to themselves.',
    columns: ['', 'requests/s', 'p50 ms', 'p99 ms', 'generator busy %', 'times one worker', 'generator counted out'],
    rows: figures.map((figure, index) => {
      const isMany = index % 2 === 1;
      const { measured, countedOut } = speedUps[Math.floor(index / 2)]!;
      return [
        labels[index]!,
        Math.round(figure.requestsPerSecond),
        Number(figure.p50Ms.toFixed(2)),
        Number(figure.p99Ms.toFixed(2)),
        Math.round(figure.generatorPercent),
        isMany ? Number(measured.toFixed(2)) : null,
        isMany ? Number(countedOut.toFixed(2)) : null,
      ];
    }),
    verdicts: [
      atLeast(
        'at least 1.6 times one worker, the generator counted out',
        availableParallelism() >= WORKERS ? speedUps[1]!.countedOut : null,
        1.6,
      ),
    ],
  };
}

/** The speed-up by many workers, as measured and adjusted for the generator's share of their cores. */
function speedUp(one: Figures, many: Figures): { readonly measured: number; readonly countedOut: number } {
  const measured = many.requestsPerSecond / one.requestsPerSecond;
  const coresLeft = Math.min(WORKERS, availableParallelism() - many.generatorPercent / 100);
  return { measured, countedOut: (measured * WORKERS) / coresLeft };
}
