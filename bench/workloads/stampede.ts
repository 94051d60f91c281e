import type { Bench, Report, Workload } from '../bench.ts';
import { median } from '../median.ts';
import { body, documentsFor } from '../queries.ts';
import { type Contender, type RunningServer, STATIONMASTER, startServer } from '../servers.ts';
import { atMost } from '../verdict.ts';

const READERS = 1000;

/** The figures of one server, one for each round. */
interface Stampedes {
  readonly contender: Contender;
  readonly statements: number[];
  readonly lastAnswerMs: number[];
  readonly failedAnswers: number[];
}

export const stampede: Workload = { name: 'stampede', run };

async function run(bench: Bench): Promise<Report> {
  const contenders = [STATIONMASTER, ...bench.peers];
  const running: RunningServer[] = [];
  const all = contenders.map(
    (contender): Stampedes => ({ contender, statements: [], lastAnswerMs: [], failedAnswers: [] }),
  );
  try {
    for (const contender of contenders) running.push(await startServer(contender, { databaseUrl: bench.fleet.url }));
    for (let round = 0; round <= bench.rounds; round++) {
      for (const [index, server] of running.entries()) {
        const { contender, statements, lastAnswerMs, failedAnswers } = all[index]!;
        const result = await stampedeOnce(bench, contender, server);
        // The first round compiles the code and opens the database connections.
        if (round === 0) continue;
        statements.push(result.statements);
        lastAnswerMs.push(result.lastAnswerMs);
        failedAnswers.push(result.failedAnswers);
        bench.progress(`  round ${round}, ${contender.title}: ${result.statements} statements`);
      }
    }
  } finally {
    await Promise.all(running.map((server) => server.stop()));
  }
  return {
    name: 'stampede',
    title: 'Stampede',
    method: `${READERS} clients request a list of 50 workstations at once, after the caches were emptied.`,
    columns: ['server', 'SQL statements, median', 'most', 'all answered after ms', 'failed answers, most'],
    rows: all.map(({ contender, statements, lastAnswerMs, failedAnswers }) => [
      contender.title,
      median(statements),
      Math.max(...statements),
      Math.round(median(lastAnswerMs)),
      Math.max(...failedAnswers),
    ]),
    verdicts: [
      atMost('1 SQL statement', Math.max(...all[0]!.statements), 1),
      atMost('every client is answered: no failed answer of ours', Math.max(...all[0]!.failedAnswers), 0),
    ],
  };
}

async function stampedeOnce({ load }: Bench, { dialect }: Contender, server: RunningServer) {
  let before = 0;
  const request = body(documentsFor(dialect).plainList);
  const result = await load.run({ url: server.url, stampede: READERS, request }, async () => {
    before = (await server.clear()).statements;
  });
  const { statements } = await server.usage();
  return { ...result, statements: statements - before, lastAnswerMs: 1000 * result.seconds };
}
