import { isDeepStrictEqual } from 'node:util';
import type { Bench } from './bench.ts';
import type { Fleet } from './database.ts';
import type { LoadPlan, LoadResult, Traffic } from './load-plan.ts';
import { median } from './median.ts';
import { body } from './queries.ts';
import { type Contender, FLOORS, type RunningServer, startServer } from './servers.ts';

const LEAD_IN_SECONDS = 0.5;
const WARM_UP_SECONDS = 2;
const COMPARED_ANSWERS = 200;
const QUESTIONS_AT_ONCE = 16;

/** A participant of a workload: a server and the traffic it receives. */
export interface Entrant {
  readonly label: string;
  readonly contender: Contender;
  readonly fleet: Fleet;
  readonly traffic: Traffic;
  /** Default: the benchmark's own number. */
  readonly connections?: number;
}

export interface Figures {
  readonly requestsPerSecond: number;
  /** The same for each round. */
  readonly requestsPerSecondOfRounds: readonly number[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMsPer1000: number;
  readonly statementsPerRequest: number;
  readonly peakMegabytes: number;
  /** The sum over all rounds. */
  readonly staleAnswers: number;
  readonly rowsWrittenPerSecond: number;
  /** The load generator's share of one core; near 100 the generator was the bottleneck. */
  readonly generatorPercent: number;
  /** The server's own figures before and after each round. */
  readonly details: readonly (readonly [before: unknown, after: unknown])[];
}

/** The request bodies of all reads in this traffic, which the benchmark can send beforehand. */
export function readsOf(traffic: Traffic): readonly string[] {
  if (traffic.kind === 'reads') return traffic.requests;
  const records = traffic.ids.map((id) => body(traffic.record, { id }));
  return traffic.kind === 'telemetry' ? [body(traffic.list), ...records] : records;
}

/**
 * Measures all entrants in turns: each round gives every entrant some seconds, so that a slow minute of the machine
 * affects all of them. Before anything is measured, all entrants must give the same answers as the first.
 * @returns the figures in the order of the entrants: medians over the rounds
 */
export async function measureInRounds(bench: Bench, entrants: readonly Entrant[]): Promise<Figures[]> {
  const running: RunningServer[] = [];
  try {
    for (const { contender, fleet, label } of entrants) {
      if (!FLOORS.includes(contender)) bench.progress(`  starting ${label}`);
      const first = running[0];
      const answers = FLOORS.includes(contender) ? await askAll(first!.url, readsOf(entrants[0]!.traffic)) : undefined;
      running.push(await startServer(contender, { databaseUrl: fleet.url, answers }));
    }
    await compareAnswers(entrants, running);
    return await takeTurns(
      bench,
      entrants.map((entrant, index) => ({ ...entrant, server: running[index]! })),
    );
  } finally {
    await Promise.all(running.map((server) => server.stop()));
  }
}

type Turn = Omit<Entrant, 'fleet'> & { readonly server: RunningServer };

/** Warms all servers up, then gives each its turn in every round. @returns medians, in the order of the turns */
export async function takeTurns(bench: Bench, turns: readonly Turn[]): Promise<Figures[]> {
  for (const turn of turns) await warmUp(bench, turn);
  const taken: Figures[][] = turns.map(() => []);
  for (let round = 1; round <= bench.rounds; round++) {
    for (const [index, turn] of turns.entries()) {
      const figures = await measureOnce(bench, turn);
      taken[index]!.push(figures);
      bench.progress(`  round ${round}, ${turn.label}: ${Math.round(figures.requestsPerSecond)} requests/s`);
    }
  }
  return taken.map(summarize);
}

/**
 * At most this many different requests are sent once to every server, so that it can compile, plan or otherwise prepare
 * them.
 */
const PREPARED_REQUESTS = 1000;

/** Runs until the code is compiled and, on servers with caches, every response is cached. */
async function warmUp(bench: Bench, turn: Turn): Promise<void> {
  const { contender, traffic, server } = turn;
  const reads = readsOf(traffic);
  if (reads.length > 1 && (contender.isCaching || reads.length <= PREPARED_REQUESTS)) {
    await bench.load.run({ url: server.url, connections: bench.connections, once: reads });
  }
  const seconds = Math.min(WARM_UP_SECONDS, bench.seconds);
  await bench.load.run({ ...planFor(bench, turn), leadInSeconds: 0, seconds });
}

async function measureOnce(bench: Bench, turn: Turn): Promise<Figures> {
  const { server } = turn;
  const before = await server.usage();
  const result = await bench.load.run(planFor(bench, turn));
  const after = await server.usage();
  const requestsPerSecond = result.requests / result.seconds;
  return {
    requestsPerSecond,
    requestsPerSecondOfRounds: [requestsPerSecond],
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    ...perRequest(result, before, after),
    peakMegabytes: after.peakMegabytes,
    staleAnswers: result.staleAnswers,
    rowsWrittenPerSecond: result.rowsWrittenPerSecond,
    generatorPercent: result.cpuMs / result.seconds / 10,
    details: [[before.details, after.details]],
  };
}

function perRequest(
  { answered }: LoadResult,
  before: { statements: number; cpuMs: number },
  after: { statements: number; cpuMs: number },
) {
  return {
    cpuMsPer1000: (1000 * (after.cpuMs - before.cpuMs)) / answered,
    statementsPerRequest: (after.statements - before.statements) / answered,
  };
}

function planFor(bench: Bench, { connections = bench.connections, traffic, server: { url } }: Turn): LoadPlan {
  const { seconds } = bench;
  return { url, connections, leadInSeconds: LEAD_IN_SECONDS, seconds, traffic };
}

/** @throws when a server's answers differ from the first server's */
async function compareAnswers(entrants: readonly Entrant[], running: readonly RunningServer[]): Promise<void> {
  const expected = await askAll(running[0]!.url, sample(readsOf(entrants[0]!.traffic)));
  for (const [index, { contender, fleet, label, traffic }] of entrants.entries()) {
    if (index === 0 || FLOORS.includes(contender) || fleet !== entrants[0]!.fleet) continue;
    const given = await askAll(running[index]!.url, sample(readsOf(traffic)));
    for (const [place, [request, answer]] of given.entries()) {
      if (isDeepStrictEqual(dataOf(answer), dataOf(expected[place]![1]))) continue;
      const answers = [expected[place]![1], answer].map((text) => text.slice(0, 1500));
      throw new Error(`${label} does not answer as ${entrants[0]!.label} does.\n${request}\n${answers.join('\n')}`);
    }
  }
}

function dataOf(answer: string): unknown {
  const { data, errors } = JSON.parse(answer);
  if (errors || !data) throw new Error(`A request failed: ${answer.slice(0, 1500)}`);
  return data;
}

/** An evenly spaced sample, at the same positions for every server. */
function sample(requests: readonly string[]): string[] {
  const step = Math.max(1, Math.floor(requests.length / COMPARED_ANSWERS));
  return requests.filter((_, index) => index % step === 0);
}

async function askAll(url: string, requests: readonly string[]): Promise<[request: string, answer: string][]> {
  const answers: [string, string][] = new Array(requests.length);
  const waiting = requests.entries();
  const askOn = async () => {
    for (const [place, request] of waiting) {
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: request });
      answers[place] = [request, await response.text()];
    }
  };
  await Promise.all(Array.from({ length: QUESTIONS_AT_ONCE }, askOn));
  return answers;
}

/** Combines the figures of several rounds, or of several runs of rounds. */
export function summarize(turns: readonly Figures[]): Figures {
  const middle = (figure: keyof Omit<Figures, 'details' | 'requestsPerSecondOfRounds'>) =>
    median(turns.map((turn) => turn[figure]));
  const requestsPerSecondOfRounds = turns.flatMap((turn) => turn.requestsPerSecondOfRounds);
  return {
    requestsPerSecond: median(requestsPerSecondOfRounds),
    requestsPerSecondOfRounds,
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    cpuMsPer1000: middle('cpuMsPer1000'),
    statementsPerRequest: middle('statementsPerRequest'),
    rowsWrittenPerSecond: middle('rowsWrittenPerSecond'),
    generatorPercent: middle('generatorPercent'),
    peakMegabytes: Math.max(...turns.map(({ peakMegabytes }) => peakMegabytes)),
    staleAnswers: turns.reduce((sum, turn) => sum + turn.staleAnswers, 0),
    details: turns.flatMap(({ details }) => details),
  };
}
