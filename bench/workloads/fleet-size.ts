import type { Bench, Report, Workload } from '../bench.ts';
import { type Fleet, withFleet } from '../database.ts';
import { median } from '../median.ts';
import { body, documentsFor } from '../queries.ts';
import { type Entrant, type Figures, measureInRounds, summarize } from '../rounds.ts';
import { STATIONMASTER, STATIONMASTER_COLD } from '../servers.ts';
import { atMost } from '../verdict.ts';
import { COLD_CONNECTIONS } from './steady.ts';

const SIZES = [100, 1000, 10_000, 100_000];
/**
 * All servers are started this often: the goal is about equal speed, and two processes never run at quite the same
 * speed.
 */
const STARTS = 3;

export const fleetSize: Workload = {
  name: 'fleet-size',
  run: (bench) => withFleets(bench, SIZES, [], (fleets) => run(bench, fleets)),
};

/**
 * Creates all sizes at once, so that they take turns. The run's own fleet is not used, because other workloads write to
 * it.
 */
async function withFleets<Result>(
  bench: Bench,
  [size, ...others]: readonly number[],
  fleets: readonly Fleet[],
  work: (fleets: readonly Fleet[]) => Promise<Result>,
): Promise<Result> {
  if (size === undefined) return work(fleets);
  bench.progress(`  a fleet of ${size}`);
  return withFleet(size, (fleet) => withFleets(bench, others, [...fleets, fleet], work));
}

async function run(bench: Bench, fleets: readonly Fleet[]): Promise<Report> {
  const requests = [body(documentsFor('stationmaster').list)];
  const entrants = [STATIONMASTER, STATIONMASTER_COLD].flatMap((contender) =>
    fleets.map(
      (fleet): Entrant => ({
        label: `${contender.arguments[0]}, ${fleet.ids.length} workstations`,
        contender,
        fleet,
        connections: contender === STATIONMASTER_COLD ? COLD_CONNECTIONS : bench.connections,
        traffic: { kind: 'reads', requests, order: 'in turn' },
      }),
    ),
  );
  const starts: Figures[][] = [];
  while (starts.length < STARTS) starts.push(await measureInRounds(bench, entrants));
  const figures = entrants.map((_, index) => summarize(starts.map((start) => start[index]!)));
  const hot = figures.slice(0, fleets.length);
  const cold = figures.slice(fleets.length);
  return {
    name: 'fleet-size',
    title: 'Fleet size',
    method:
      'The list of 50 workstations with their managers, hot and cold, in fleets of different sizes. All servers are ' +
      `started ${STARTS} times, each time for all rounds. Flatness compares the medians of each size’s share of its ` +
      'round, because a slow minute of the machine affects all sizes of a round.',
    columns: ['workstations', 'hot requests/s', 'hot p99 ms', 'cold requests/s', 'cold p99 ms', 'cold SQL per request'],
    rows: fleets.map(({ ids }, index) => [
      ids.length,
      Math.round(hot[index]!.requestsPerSecond),
      Number(hot[index]!.p99Ms.toFixed(2)),
      Math.round(cold[index]!.requestsPerSecond),
      Number(cold[index]!.p99Ms.toFixed(2)),
      Number(cold[index]!.statementsPerRequest.toFixed(2)),
    ]),
    verdicts: [
      atMost('hot: flat within 10 %', spreadPercent(hot), 10),
      atMost('cold: flat within 20 %', spreadPercent(cold), 20),
    ],
  };
}

/** How far the slowest is below the fastest in percent, by the medians of their shares of each round. */
function spreadPercent(figures: readonly Figures[]): number {
  const ofRounds = figures.map(({ requestsPerSecondOfRounds }) => requestsPerSecondOfRounds);
  const sumOf = (round: number) => ofRounds.reduce((sum, rates) => sum + rates[round]!, 0);
  const shares = ofRounds.map((rates) => median(rates.map((rate, round) => rate / sumOf(round))));
  return 100 * (1 - Math.min(...shares) / Math.max(...shares));
}
