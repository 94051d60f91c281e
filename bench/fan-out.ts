import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { withFleet } from './database.ts';
import type { FanOutMessage, FanOutPlan, FanOutResult } from './fan-out-plan.ts';
import { median } from './median.ts';
import { preparePeers } from './prepare-peers.ts';
import {
  baselineOf,
  type Contender,
  type RunningServer,
  STATIONMASTER,
  SUBSCRIPTION_PEERS,
  startServer,
} from './servers.ts';
import { atLeast, atMost, type Verdict, verdictInWords } from './verdict.ts';

const USAGE = `Measures what it costs a server to send events to many subscribers, each on a socket of its own.

  npm run bench:fan-out -- [--only one,several,many] [--peers graphql-ws,mercurius | none] [--baseline ../other-build]
                           [--seconds 4] [--rounds 3]

  one      1,000 sockets, one event at a time: the next follows when all have it
  several  1,000 sockets, eight events at a time
  many     10,000 sockets, four events a second

The servers take turns; the figures are medians. It creates a database on the PostgreSQL of DATABASE_URL (default
postgres://postgres@127.0.0.1:5432/), and drops it at the end.`;

const WORKSTATIONS = 1000;

/** Above this share of a core the subscribers' process was the limit, and not the server. */
const GENERATOR_LIMIT_PERCENT = 90;

const ROWS = {
  one: { title: '1,000 sockets, one event at a time', sockets: 1000, events: 1, reportsPerSecond: null },
  several: { title: '1,000 sockets, eight events at a time', sockets: 1000, events: 8, reportsPerSecond: null },
  many: { title: '10,000 sockets, four events a second', sockets: 10_000, events: 1, reportsPerSecond: 4 },
} as const;

type Row = keyof typeof ROWS;

interface Entrant {
  readonly label: string;
  readonly contender: Contender;
  readonly isShared: boolean;
}

interface Measurement {
  readonly messagesPerSecond: number;
  /** Of the server's process, with what the reports cost. */
  readonly cpuMicrosecondsPerMessage: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly kibibytesPerSocket: number;
  readonly generatorPercent: number;
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: Object.keys(ROWS).join() },
      peers: { type: 'string', default: SUBSCRIPTION_PEERS.map(({ name }) => name).join() },
      baseline: { type: 'string' },
      seconds: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '3' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const rows = values.only.split(',').map((name) => {
    if (!(name in ROWS)) throw new TypeError(`There is no row "${name}".`);
    return name as Row;
  });
  const peers = SUBSCRIPTION_PEERS.filter(({ name }) => values.peers.split(',').includes(name));
  if (peers.length > 0) preparePeers();
  const settings = { seconds: Number(values.seconds), rounds: Number(values.rounds) };
  const entrants = entrantsOf(peers, values.baseline);
  await withFleet(WORKSTATIONS, async ({ url, ids }) => {
    for (const row of rows) {
      // Each executes every event, which ten thousand could not.
      const taking = entrants.filter(({ isShared }) => isShared || row === 'one');
      const measured = await takeTurns(row, taking, url, ids, settings);
      report(row, measured, settings);
    }
  });
}

function entrantsOf(peers: readonly Contender[], baseline: string | undefined): Entrant[] {
  const isShared = true;
  const { title } = STATIONMASTER;
  return [
    { label: title, contender: STATIONMASTER, isShared },
    ...(baseline === undefined
      ? []
      : [{ label: `${title}, baseline`, contender: baselineOf(STATIONMASTER, baseline), isShared }]),
    ...peers.map((contender) => ({ label: contender.title, contender, isShared })),
    { label: `${title}, subscriptions that differ`, contender: STATIONMASTER, isShared: false },
  ];
}

type Measured = ReadonlyMap<Entrant, readonly Measurement[]>;

async function takeTurns(
  row: Row,
  entrants: readonly Entrant[],
  databaseUrl: string,
  ids: readonly string[],
  { seconds, rounds }: { readonly seconds: number; readonly rounds: number },
): Promise<Measured> {
  const { sockets, events, reportsPerSecond } = ROWS[row];
  const measured = new Map<Entrant, Measurement[]>(entrants.map((entrant) => [entrant, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [entrant, measurements] of measured) {
      // Another one each time: the memory of an earlier round would count for no socket.
      const server = await startServer(entrant.contender, {
        databaseUrl,
        environment: { SOCKET_MAX_CONNECTIONS: String(sockets), SOCKET_MAX_UNINITIALIZED: String(sockets) },
      });
      try {
        const { isShared } = entrant;
        const plan = { sockets, isShared, ids, events, seconds, reportsPerSecond };
        const measurement = await measure(server, { ...plan, url: server.url });
        measurements.push(measurement);
        const figure = measurement.cpuMicrosecondsPerMessage.toFixed(1);
        console.log(`round ${round}, ${row}, ${entrant.label}: ${figure} µs a message`);
      } finally {
        await server.stop();
      }
    }
  }
  return measured;
}

async function measure(server: RunningServer, plan: FanOutPlan): Promise<Measurement> {
  const idle = await server.usage();
  const subscribers = fork(new URL('./fan-out-subscribers.ts', import.meta.url));
  const hear = async () => {
    const [message] = (await Promise.race([
      once(subscribers, 'message'),
      once(subscribers, 'exit').then(() => [{ error: 'The process of the subscribers ended.' }]),
    ])) as [FanOutMessage];
    if ('error' in message) throw new Error(message.error);
    return message;
  };
  try {
    subscribers.send(plan);
    await hear();
    const before = await server.usage();
    subscribers.send('go');
    const { result } = (await hear()) as { readonly result: FanOutResult };
    const after = await server.usage();
    return {
      messagesPerSecond: result.messages / result.seconds,
      cpuMicrosecondsPerMessage: (1000 * (after.cpuMs - before.cpuMs)) / result.messages,
      p50Ms: result.p50Ms,
      p99Ms: result.p99Ms,
      kibibytesPerSocket: (1024 * (after.residentMegabytes - idle.residentMegabytes)) / plan.sockets,
      generatorPercent: result.cpuMs / result.seconds / 10,
    };
  } finally {
    if (subscribers.connected) subscribers.disconnect();
  }
}

function report(row: Row, measured: Measured, { seconds, rounds }: { seconds: number; rounds: number }): void {
  const figures = [...measured].map(([entrant, measurements]) => {
    const figure = (name: keyof Measurement) => median(measurements.map((one) => one[name]));
    return { entrant, figure };
  });
  console.log(`\n${ROWS[row].title}; medians (${seconds} s, ${rounds} rounds, ${availableParallelism()} cores)\n`);
  console.log('server | server CPU µs/message | messages/s | p50 ms | p99 ms | KiB/socket | generator');
  console.log('------ | --------------------: | ---------: | -----: | -----: | ---------: | --------:');
  for (const { entrant, figure } of figures) {
    console.log(
      [
        entrant.label,
        figure('cpuMicrosecondsPerMessage').toFixed(1),
        Math.round(figure('messagesPerSecond')),
        figure('p50Ms').toFixed(1),
        figure('p99Ms').toFixed(1),
        figure('kibibytesPerSocket').toFixed(1),
        `${Math.round(figure('generatorPercent'))} %`,
      ].join(' | '),
    );
  }
  const figureOf = (name: string, figure: keyof Measurement) =>
    figures.find(({ entrant: { contender } }) => contender.name === name)?.figure(figure) ?? null;
  console.log();
  for (const verdict of judge(row, figureOf)) console.log(`- ${verdictInWords(verdict)}`);
  const limited = figures.filter(({ figure }) => figure('generatorPercent') > GENERATOR_LIMIT_PERCENT);
  for (const { entrant } of limited) {
    process.exitCode = 1;
    console.log(`- not valid: the subscribers of "${entrant.label}" were the limit`);
  }
  console.log();
}

function judge(row: Row, figureOf: (name: string, figure: keyof Measurement) => number | null): Verdict[] {
  const own = (figure: keyof Measurement) => figureOf('stationmaster', figure);
  const cpu = own('cpuMicrosecondsPerMessage');
  if (row === 'several') return [atMost('≤ 3 µs of server CPU a message', cpu, 3)];
  if (row === 'many') {
    return [
      atMost('p99 ≤ 150 ms', own('p99Ms'), 150),
      atMost('≤ 20 KiB of memory a socket', own('kibibytesPerSocket'), 20),
    ];
  }
  const peer = figureOf('graphql-ws', 'cpuMicrosecondsPerMessage');
  const ratio = peer === null || cpu === null ? null : peer / cpu;
  return [
    atMost('≤ 8 µs of server CPU a message', cpu, 8),
    atLeast('≥ 3.5 messages for the CPU of one of graphql-ws', ratio, 3.5),
  ];
}

run().catch((error) => {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = 1;
});
