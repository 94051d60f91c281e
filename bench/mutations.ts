import { parseArgs } from 'node:util';
import { withFleet } from './database.ts';
import { LoadGenerator } from './load-generator.ts';
import { documentsFor } from './queries.ts';
import { type Entrant, type Figures, measureInRounds } from './rounds.ts';
import { baselineOf, STATIONMASTER } from './servers.ts';
import { atLeast, atMost, verdictInWords } from './verdict.ts';
import { ratioOf } from './workloads/steady.ts';

const USAGE = `Measures mutations: clients that change workstations, each sending the next as soon as one is answered.

  npm run bench:mutations -- [--baseline ../other-build] [--clients 32] [--seconds 4] [--rounds 3]

  --baseline  a folder with another checkout of this project, built: both builds take turns in every round

The figures are medians. It creates a database for each build on the PostgreSQL of DATABASE_URL (default
postgres://postgres@127.0.0.1:5432/), and drops it at the end.`;

const WORKSTATIONS = 2000;
/** Above this share of a core the load generator was the limit, and not the server. */
const GENERATOR_LIMIT_PERCENT = 90;

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      baseline: { type: 'string' },
      clients: { type: 'string', default: '32' },
      seconds: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '3' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const { baseline, clients, seconds, rounds } = values;
  const settings = { seconds: Number(seconds), rounds: Number(rounds), connections: Number(clients) };
  const load = new LoadGenerator();
  try {
    await withEntrants(baseline, async (entrants) => {
      const bench = { ...settings, fleet: entrants[0]!.fleet, load, peers: [], baseline: null, progress: console.log };
      report(entrants, await measureInRounds(bench, entrants), settings);
    });
  } finally {
    load.stop();
  }
}

/** Gives each build a fleet that it has made itself: an older one may have another schema. */
function withEntrants(baseline: string | undefined, work: (entrants: readonly Entrant[]) => Promise<void>) {
  const { record, update } = documentsFor('stationmaster');
  return withFleet(WORKSTATIONS, (fleet) => {
    const traffic = { kind: 'reads and writes', record, update, ids: fleet.ids, writeShare: 1 } as const;
    const own = { label: STATIONMASTER.title, contender: STATIONMASTER, fleet, traffic };
    if (baseline === undefined) return work([own]);
    const contender = baselineOf(STATIONMASTER, baseline);
    return withFleet(
      WORKSTATIONS,
      (older) =>
        work([own, { label: contender.title, contender, fleet: older, traffic: { ...traffic, ids: older.ids } }]),
      baseline,
    );
  });
}

function report(
  entrants: readonly Entrant[],
  all: readonly Figures[],
  { seconds, rounds, connections }: Readonly<Record<'seconds' | 'rounds' | 'connections', number>>,
): void {
  console.log(`\nupdateWorkstation, ${connections} clients; medians (${seconds} s, ${rounds} rounds)\n`);
  console.log('server | mutations/s | p50 ms | p99 ms | server CPU ms/mutation | SQL/mutation | generator');
  console.log('------ | ----------: | -----: | -----: | ---------------------: | -----------: | --------:');
  for (const [index, figures] of all.entries()) {
    console.log(
      [
        entrants[index]!.label,
        Math.round(figures.requestsPerSecond),
        figures.p50Ms.toFixed(1),
        figures.p99Ms.toFixed(1),
        (figures.cpuMsPer1000 / 1000).toFixed(3),
        figures.statementsPerRequest.toFixed(2),
        `${Math.round(figures.generatorPercent)} %`,
      ].join(' | '),
    );
  }
  const [own, older] = all as readonly [Figures, Figures?];
  const verdicts = [
    atMost('≤ 0.6 ms of server CPU a mutation', own.cpuMsPer1000 / 1000, 0.6),
    ...(older ? [atLeast('at least 0.97 of the baseline', ratioOf(own, older), 0.97)] : []),
  ];
  if (older) console.log(`\nserver CPU: ${(own.cpuMsPer1000 / older.cpuMsPer1000).toFixed(2)} of the baseline's`);
  console.log(`\n${verdicts.map((verdict) => `- ${verdictInWords(verdict)}`).join('\n')}`);
  const busiest = Math.max(...all.map(({ generatorPercent }) => generatorPercent));
  if (busiest <= GENERATOR_LIMIT_PERCENT) return;
  process.exitCode = 1;
  console.log('- not valid: the load generator was the limit');
}

run().catch((error) => {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = 1;
});
