import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { withFleet } from './database.ts';
import { median } from './median.ts';
import { type RunningServer, STATIONMASTER, startServer } from './servers.ts';

const USAGE = `Measures how fast changes reach subscribers when identical subscriptions share one execution, compared
with subscriptions that differ only in name and are therefore executed one by one. Both take turns; the figures are medians.

  npm run bench:subscribers -- [--subscribers 1000] [--sockets 100] [--seconds 3] [--rounds 3]

It creates a database on the PostgreSQL of DATABASE_URL (default postgres://postgres@127.0.0.1:5432/), and drops it at
the end.`;

const WORKSTATIONS = 1000;

/** How many workstations change at a time. */
const BATCH = 5;

const MODES = ['apart', 'shared'] as const;
type Mode = (typeof MODES)[number];

interface Measurement {
  readonly changesPerSecond: number;
  readonly deliveriesPerSecond: number;
  /** CPU time of the server's process. */
  readonly cpuMicrosecondsPerDelivery: number;
}

interface Crowd {
  /** Resolves once every subscriber has received `messagesEach` more messages. */
  received(messagesEach: number): Promise<void>;
  close(): void;
}

interface Data {
  readonly workstations?: { readonly nodes: readonly { id: string }[] };
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      subscribers: { type: 'string', default: '1000' },
      sockets: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '3' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const [subscribers, sockets] = [Number(values.subscribers), Number(values.sockets)];
  const measured = new Map<Mode, Measurement[]>(MODES.map((mode) => [mode, []]));
  await withFleet(WORKSTATIONS, async ({ url }) => {
    const server = await startServer(STATIONMASTER, {
      databaseUrl: url,
      environment: { SOCKET_MAX_SUBSCRIPTIONS: String(Math.ceil(subscribers / sockets)) },
    });
    try {
      for (let round = 1; round <= Number(values.rounds); round++) {
        for (const mode of MODES) {
          const result = await measure(server, mode, { subscribers, sockets, seconds: Number(values.seconds) });
          measured.get(mode)!.push(result);
          console.log(`round ${round}, ${mode}: ${Math.round(result.deliveriesPerSecond)} deliveries/s`);
        }
      }
    } finally {
      await server.stop();
    }
  });
  const conditions = `${values.seconds} s, ${values.rounds} rounds, ${sockets} sockets, ${availableParallelism()} cores`;
  report(measured, `${subscribers} subscribers to every change of a workstation; medians (${conditions})`);
}

async function measure(
  server: RunningServer,
  mode: Mode,
  { subscribers, sockets, seconds }: { subscribers: number; sockets: number; seconds: number },
): Promise<Measurement> {
  const ids = await findWorkstations(server);
  const crowd = await gather(server, mode, subscribers, sockets);
  const change = async (cpuUsage: number) => {
    const readings = ids.map((workstationId) => ({ workstationId, cpuUsage }));
    const query = 'mutation ($readings: [TelemetryReading!]!) { reportTelemetry(readings: $readings) { stored } }';
    await Promise.all([ask(server, query, { readings }), crowd.received(BATCH)]);
  };
  await change(0);
  const { cpuMs: cpuMsBefore } = await server.usage();
  const startedAtMs = performance.now();
  let batches = 0;
  while (performance.now() - startedAtMs < seconds * 1000) await change(++batches % 100);
  const elapsedSeconds = (performance.now() - startedAtMs) / 1000;
  const cpuMs = (await server.usage()).cpuMs - cpuMsBefore;
  crowd.close();
  const changes = batches * BATCH;
  return {
    changesPerSecond: changes / elapsedSeconds,
    deliveriesPerSecond: (changes * subscribers) / elapsedSeconds,
    cpuMicrosecondsPerDelivery: (cpuMs * 1000) / (changes * subscribers),
  };
}

async function gather(server: RunningServer, mode: Mode, subscribers: number, sockets: number): Promise<Crowd> {
  let missing = 0;
  let done = () => {};
  let fail = (_error: Error) => {};
  const onMessage = () => {
    missing -= 1;
    if (missing === 0) done();
  };
  const open = await Promise.all(Array.from({ length: sockets }, () => connect(server)));
  for (let number = 0; number < subscribers; number++) {
    const query = `subscription ${mode === 'shared' ? 'Follow' : `Follow${number}`} { workstationChanged {
      kind changedAt workstation { id name status cpuUsage memoryUsage lastSeenAt version manager { id name } } } }`;
    open[number % sockets]!.send(JSON.stringify({ id: String(number), type: 'subscribe', payload: { query } }));
  }
  for (const socket of open) await answered(socket);
  for (const socket of open) {
    socket.on('message', onMessage);
    socket.on('close', (code) => fail(new Error(`The server closed a socket with ${code}.`)));
  }
  return {
    received(messagesEach) {
      missing += messagesEach * subscribers;
      return new Promise((resolve, reject) => {
        done = resolve;
        fail = reject;
      });
    },
    close() {
      for (const socket of open) socket.terminate();
    },
  };
}

async function connect({ url }: RunningServer): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await once(socket, 'message');
  return socket;
}

/** The server handles messages in order, so the answer to this one shows that all earlier messages took effect. */
async function answered(socket: WebSocket): Promise<void> {
  socket.send('{"type":"ping"}');
  await once(socket, 'message');
}

async function findWorkstations(server: RunningServer): Promise<string[]> {
  const { workstations } = await ask(server, `{ workstations(first: ${BATCH}) { nodes { id } } }`);
  return workstations!.nodes.map(({ id }) => id);
}

async function ask({ url }: RunningServer, query: string, variables: object = {}): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

function report(measured: ReadonlyMap<Mode, readonly Measurement[]>, title: string): void {
  const figure = (mode: Mode, name: keyof Measurement) => median(measured.get(mode)!.map((result) => result[name]));
  const against = (mode: Mode, name: keyof Measurement) =>
    `${(figure(mode, name) / figure('apart', name)).toFixed(2)} x`;
  console.log(`\n${title}\n`);
  console.log('executions | changes/s | deliveries/s | against apart | server CPU µs/delivery | against apart');
  console.log('---------- | --------: | -----------: | ------------: | ---------------------: | ------------:');
  for (const mode of MODES) {
    const figures = [
      figure(mode, 'changesPerSecond').toFixed(1),
      Math.round(figure(mode, 'deliveriesPerSecond')),
      against(mode, 'deliveriesPerSecond'),
      figure(mode, 'cpuMicrosecondsPerDelivery').toFixed(1),
      against(mode, 'cpuMicrosecondsPerDelivery'),
    ];
    console.log([mode, ...figures].join(' | '));
  }
}

run().catch((error) => {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = 1;
});
