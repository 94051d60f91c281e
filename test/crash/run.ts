import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../coherence/random.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { type Effect, Ledger, type Row } from './ledger.ts';

export interface CrashOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly onRound?: (round: number, report: RoundReport) => void;
}

export interface RoundReport {
  /** Whether the kill came during the start rather than during writes. */
  readonly whileStarting: boolean;
  readonly answered: number;
  readonly losses: readonly string[];
}

const WRITERS = 4;
/** Covers a start with an empty folder, which takes the longest. */
const LONGEST_START_MS = 4000;
const LONGEST_WORK_MS = 2500;
const STARTING_CHANCE = 0.25;
/** One of this many rounds begins with a new database, and kills the server while it creates the database. */
const FRESH_EVERY = 10;

/** Kills the server on its embedded database repeatedly, and each time looks for every answered write. */
export async function run({ rounds, seed, onRound = () => {} }: CrashOptions): Promise<RoundReport[]> {
  const random = createRandom(seed);
  const reports: RoundReport[] = [];
  let world = await createWorld();
  try {
    for (let round = 1; round <= rounds; round++) {
      const isFresh = round % FRESH_EVERY === 0;
      if (isFresh) {
        await world.remove();
        world = await createWorld();
      }
      const chance = random.fork(`round ${round}`);
      const whileStarting = isFresh || chance.chance(STARTING_CHANCE);
      const report = await playRound(world, whileStarting, chance);
      reports.push(report);
      onRound(round, report);
    }
  } finally {
    await world.remove();
  }
  return reports;
}

interface World {
  readonly folder: string;
  readonly ledgers: readonly Ledger[];
  remove(): Promise<void>;
}

async function createWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'stationmaster-crash-'));
  return {
    folder,
    ledgers: Array.from({ length: WRITERS }, () => new Ledger()),
    remove: () => rm(folder, { recursive: true }),
  };
}

async function playRound({ folder, ledgers }: World, whileStarting: boolean, random: Random): Promise<RoundReport> {
  const start = () => startServer({ DATA_DIR: folder, LOG_LEVEL: 'error' });
  let answered = 0;

  const victim = start();
  try {
    if (whileStarting) {
      await Promise.race([sleep(random.whole(100, LONGEST_START_MS)), victim.untilReady()]);
    } else {
      const url = await victim.untilReady();
      const killed = sleep(random.whole(0, LONGEST_WORK_MS)).then(() => victim.child.kill('SIGKILL'));
      const writing = ledgers.map((ledger, index) => write(url, ledger, `writer-${index}`, random.fork(`${index}`)));
      for (const count of await Promise.all(writing)) answered += count;
      await killed;
    }
  } finally {
    await victim.destroy();
  }

  const survivor = start();
  try {
    const held = await readEverything(await survivor.untilReady());
    const losses = ledgers.flatMap((ledger, index) =>
      ledger.reconcile(held.filter(({ name }) => name.startsWith(`writer-${index}-`))),
    );
    return { whileStarting, answered, losses };
  } finally {
    await end(survivor, random);
  }
}

/** Stops a server without open writes: in good order, or with a kill during the stop. */
async function end(server: ServerProcess, random: Random): Promise<void> {
  server.child.kill('SIGTERM');
  if (random.chance(0.5)) await Promise.race([server.exited, sleep(random.whole(0, 200))]);
  else await server.exited;
  await server.destroy();
}

const FIELDS = 'id name version cpuUsage';

/** Sends one write after the other until the server dies. @returns the number of answered writes */
async function write(url: string, ledger: Ledger, writer: string, random: Random): Promise<number> {
  for (let answered = 0; ; answered++) {
    const step = chooseStep([...ledger.rows.values()], writer, random);
    ledger.begin(step);
    try {
      ledger.answered(step.effectOf(await ask(url, step.mutation)));
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      return answered;
    }
  }
}

interface Step {
  readonly mutation: string;
  /** The effect as known before the answer; a row in creation is identified by its name. */
  readonly effect: Effect;
  readonly createdName: string | null;
  effectOf(data: any): Effect;
}

function chooseStep(rows: readonly Row[], writer: string, random: Random): Step {
  const what = rows.length < 5 ? 'create' : random.pick(['create', 'update', 'update', 'report', 'delete'] as const);
  const name = `${writer}-${random.whole(0, 2 ** 48)}`;
  if (what === 'create') {
    const input = `{ name: "${name}", hostname: "host", ipAddress: "10.0.0.1", operatingSystem: "Linux" }`;
    return {
      mutation: `mutation { row: createWorkstation(input: ${input}) { ${FIELDS} } }`,
      effect: (known) => known,
      createdName: name,
      effectOf: ({ row }) => withRows([row]),
    };
  }
  const row = random.pick(rows);
  if (what === 'update') {
    const effect = withRows([{ ...row, name, version: row.version + 1 }]);
    const mutation = `mutation { updateWorkstation(id: "${row.id}", input: { name: "${name}" }) { id } }`;
    return { mutation, effect, createdName: null, effectOf: () => effect };
  }
  if (what === 'delete') {
    const effect: Effect = (known) => new Map([...known].filter(([id]) => id !== row.id));
    return {
      mutation: `mutation { deleteWorkstation(id: "${row.id}") }`,
      effect,
      createdName: null,
      effectOf: () => effect,
    };
  }
  const cpuUsage = random.whole(0, 100);
  const readings = rows.map(({ id }) => `{ workstationId: "${id}", cpuUsage: ${cpuUsage} }`);
  const effect = withRows(rows.map((before) => ({ ...before, cpuUsage })));
  const mutation = `mutation { reportTelemetry(readings: [${readings}]) { stored } }`;
  return { mutation, effect, createdName: null, effectOf: () => effect };
}

function withRows(changed: readonly Row[]): Effect {
  return (known) => new Map([...known, ...changed.map((row) => [row.id, row] as const)]);
}

async function readEverything(url: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after = 'null', hasNext = true; hasNext; ) {
    const { workstations } = await ask(
      url,
      `{ workstations(first: 500, after: ${after}) { nodes { ${FIELDS} } pageInfo { endCursor hasNextPage } } }`,
    );
    rows.push(...workstations.nodes);
    after = JSON.stringify(workstations.pageInfo.endCursor);
    hasNext = workstations.pageInfo.hasNextPage;
  }
  return rows;
}

/** The server is alive and refused the request. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

async function ask(url: string, query: string): Promise<any> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = (await response.json()) as { data: unknown; errors?: { message: string }[] };
  if (errors) throw new RefusedError(errors[0]!.message);
  return data;
}
