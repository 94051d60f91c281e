import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { CountingSocket } from './counting-socket.ts';
import { withFleet } from './database.ts';
import { median } from './median.ts';
import { baselineOf, type Contender, STATIONMASTER, startServer } from './servers.ts';

const USAGE = `Measures how long subscribers that were all cut off at once wait for what they missed: from the first one that connects
again to the last one that has received every change that it missed, and what each of their sockets costs the server.

  npm run bench:resuming -- [--subscribers 10000] [--sockets 500] [--missed 5] [--rounds 1] [--baseline ../before]

  --baseline  a folder with another checkout of this project, built: both builds take turns in every round

It creates a database on the PostgreSQL of DATABASE_URL (default postgres://postgres@127.0.0.1:5432/), and drops it at
the end. A socket takes a descriptor here and one in the server: see \`ulimit -n\`.`;

const CHANGES =
  'subscription ($since: String) { workstationChanged(since: $since) { kind id position workstation { name status version } } }';

/** Sockets that connect at the same time: a server accepts no more than a thousand that have not said who they are. */
const CONNECTING = 500;

interface Crowd {
  readonly sockets: number;
  readonly subscriptions: number;
  readonly missed: number;
}

interface Measurement {
  readonly seconds: number;
  /** CPU time of the server's process. */
  readonly cpuMsPerSocket: number;
}

interface Resumption {
  readonly url: string;
  readonly since: string;
  readonly subscriptions: number;
  readonly missed: number;
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      subscribers: { type: 'string', default: '10000' },
      sockets: { type: 'string', default: '500' },
      missed: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '1' },
      baseline: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const [subscribers, sockets, missed] = [values.subscribers, values.sockets, values.missed].map(Number) as number[];
  const subscriptions = Math.ceil(subscribers! / sockets!);
  const contenders = [STATIONMASTER, ...(values.baseline ? [baselineOf(STATIONMASTER, values.baseline)] : [])];
  const measured = contenders.map((): Measurement[] => []);
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const [index, contender] of contenders.entries()) {
      const crowd = { sockets: sockets!, subscriptions, missed: missed! };
      const { seconds, cpuMsPerSocket } = await measure(contender, crowd);
      measured[index]!.push({ seconds, cpuMsPerSocket });
      console.log(
        `round ${round}, ${contender.name}: ${seconds.toFixed(1)} s, ${cpuMsPerSocket.toFixed(3)} ms a socket`,
      );
    }
  }
  for (const [index, { title }] of contenders.entries()) {
    const middle = (figure: keyof Measurement) => median(measured[index]!.map((measurement) => measurement[figure]));
    console.log(
      `${title}: ${sockets! * subscriptions} subscribers on ${sockets} sockets had the ${missed} changes that they missed after ` +
        `${middle('seconds').toFixed(1)} s; the server used ${middle('cpuMsPerSocket').toFixed(3)} ms of CPU time for each socket ` +
        `(${availableParallelism()} cores, which the clients share)`,
    );
  }
}

async function measure(contender: Contender, { sockets, subscriptions, missed }: Crowd): Promise<Measurement> {
  const { promise, resolve } = Promise.withResolvers<Measurement>();
  await withFleet(1000, async ({ url }) => {
    const server = await startServer(contender, {
      databaseUrl: url,
      environment: { SOCKET_MAX_SUBSCRIPTIONS: String(Math.max(100, subscriptions)) },
    });
    try {
      const since = await change(server.url, missed);
      const open: CountingSocket[] = [];
      let begun = 0;
      const { cpuMs: cpuMsBefore } = await server.usage();
      const startedAtMs = performance.now();
      const work = async () => {
        while (begun++ < sockets) open.push(await resume({ url: server.url, since, subscriptions, missed }));
      };
      await Promise.all(Array.from({ length: CONNECTING }, work));
      const seconds = (performance.now() - startedAtMs) / 1000;
      const { cpuMs } = await server.usage();
      for (const socket of open) socket.close();
      resolve({ seconds, cpuMsPerSocket: (cpuMs - cpuMsBefore) / sockets });
    } finally {
      await server.stop();
    }
  });
  return promise;
}

/** Changes as many rows as are to be missed. Resolves to the position before. */
async function change(url: string, missed: number): Promise<string> {
  const { data } = await ask(url, `{ workstations(first: ${missed + 1}) { nodes { id } } }`);
  const [first, ...others] = (data.workstations.nodes as { id: string }[]).map(({ id }) => id);
  const edit = async (id: string) =>
    ask(url, `mutation { updateWorkstation(id: "${id}", input: { operatingSystem: "${id.slice(-8)}" }) { id } }`);
  const { extensions } = await edit(first!);
  for (const id of others) await edit(id);
  return extensions.position;
}

// biome-ignore lint/suspicious/noExplicitAny: whatever is asked
async function ask(url: string, query: string): Promise<any> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
  return response.json();
}

/**
 * Resolves once all subscriptions of a new socket have received what they missed. Reads no message before the last one: the
 * clients, which share the machine with the server, should cost less than it does.
 */
async function resume({ url, since, subscriptions, missed }: Resumption): Promise<CountingSocket> {
  const { promise: failure, reject } = Promise.withResolvers<never>();
  failure.catch(() => {});
  const acknowledged = Promise.withResolvers<void>();
  const received = Promise.withResolvers<void>();
  const expected = subscriptions * missed;
  const onMessage = ({ messages }: CountingSocket) => {
    if (messages === 1) acknowledged.resolve();
    if (messages === 1 + expected) received.resolve();
  };
  const socket = await CountingSocket.open(url, onMessage, reject);
  socket.send({ type: 'connection_init' });
  await Promise.race([acknowledged.promise, failure]);
  const payload = { query: CHANGES, variables: { since } };
  // The ids of clients are UUIDs, and differ.
  for (let begun = 0; begun < subscriptions; begun++) socket.send({ id: randomUUID(), type: 'subscribe', payload });
  await Promise.race([received.promise, failure]);
  const changes = socket.sample!.split('"kind":"UPDATED"').length - 1;
  if (changes !== expected) throw new Error(`Not ${expected} changes: ${socket.sample}`);
  socket.sample = null;
  return socket;
}

run().catch((error) => {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = 1;
});
