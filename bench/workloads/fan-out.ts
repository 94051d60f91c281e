import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Bench, Report, Workload } from '../bench.ts';
import type { FanOutMessage, FanOutPlan, FanOutResult } from '../fan-out-plan.ts';
import { median } from '../median.ts';
import { baselineOf, type Contender, type RunningServer, STATIONMASTER, startServer } from '../servers.ts';
import { atLeast, atMost, levelWithBaseline, notTheLimit, type Verdict } from '../verdict.ts';

/** What it costs a server to send events to many subscribers, each on a socket of its own. */
interface FanOut {
  readonly name: string;
  readonly title: string;
  readonly method: string;
  readonly sockets: number;
  /** How many arise together. */
  readonly events: number;
  /** `null`: the next follows when all subscribers have those before. */
  readonly reportsPerSecond: number | null;
  /** Whether subscriptions that differ take part, of which each is executed for every event. */
  readonly hasDifferent: boolean;
  readonly judge: (own: Figure, ofGraphqlWs: Figure) => readonly Verdict[];
}

/** A median; `null` where the server took no part. */
type Figure = (name: keyof Measurement) => number | null;

interface Entrant {
  readonly label: string;
  readonly contender: Contender;
  readonly databaseUrl: string;
  readonly ids: readonly string[];
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

export const fanOutOne = fanOut({
  name: 'fan-out-one',
  title: 'Fan-out, one event at a time',
  method:
    '1,000 sockets with a subscription each. A report changes one workstation; the next follows when all have heard of it.',
  sockets: 1000,
  events: 1,
  reportsPerSecond: null,
  hasDifferent: true,
  judge: (own, ofGraphqlWs) => [
    atMost('at most 8 µs of server CPU a message', own('cpuMicrosecondsPerMessage'), 8),
    atLeast('at least 3.5 messages for the CPU of one of graphql-ws', ratioOf(ofGraphqlWs, own), 3.5),
  ],
});

export const fanOutSeveral = fanOut({
  name: 'fan-out-several',
  title: 'Fan-out, eight events at a time',
  method:
    '1,000 sockets with a subscription each. A report changes eight workstations; the next follows when all have heard of them.',
  sockets: 1000,
  events: 8,
  reportsPerSecond: null,
  hasDifferent: false,
  judge: (own) => [atMost('at most 3 µs of server CPU a message', own('cpuMicrosecondsPerMessage'), 3)],
});

export const fanOutMany = fanOut({
  name: 'fan-out-many',
  title: 'Fan-out, 10,000 sockets',
  method: '10,000 sockets with a subscription each. Four reports a second change one workstation each.',
  sockets: 10_000,
  events: 1,
  reportsPerSecond: 4,
  hasDifferent: false,
  judge: (own) => [
    atMost('p99 at most 150 ms', own('p99Ms'), 150),
    atMost('at most 20 KiB of memory a socket', own('kibibytesPerSocket'), 20),
  ],
});

function fanOut(spec: FanOut): Workload {
  return { name: spec.name, run: (bench) => run(spec, bench) };
}

async function run(spec: FanOut, bench: Bench): Promise<Report> {
  const measured = await takeTurns(spec, bench);
  const rows = [...measured].map(([entrant, measurements]) => {
    const figure = (name: keyof Measurement) => median(measurements.map((one) => one[name]));
    return { entrant, figure };
  });
  const figureOf = (name: string): Figure =>
    rows.find(({ entrant }) => entrant.contender.name === name)?.figure ?? nothing;
  const own = figureOf(STATIONMASTER.name);
  return {
    name: spec.name,
    title: spec.title,
    method: spec.method,
    columns: [
      'server',
      'server CPU µs a message',
      'messages/s',
      'p50 ms',
      'p99 ms',
      'KiB a socket',
      'generator busy %',
    ],
    rows: rows.map(({ entrant, figure }) => [
      entrant.label,
      Number(figure('cpuMicrosecondsPerMessage').toFixed(1)),
      Math.round(figure('messagesPerSecond')),
      Number(figure('p50Ms').toFixed(1)),
      Number(figure('p99Ms').toFixed(1)),
      Number(figure('kibibytesPerSocket').toFixed(1)),
      Math.round(figure('generatorPercent')),
    ]),
    chart: {
      bars: rows.map(({ entrant, figure }) => ({
        label: entrant.label,
        value: 1e6 / figure('cpuMicrosecondsPerMessage'),
        isPeer: bench.subscriptionPeers.includes(entrant.contender),
      })),
    },
    verdicts: [
      ...spec.judge(own, figureOf('graphql-ws')),
      notTheLimit('the process of the subscribers', Math.max(...rows.map(({ figure }) => figure('generatorPercent')))),
      ...(bench.baseline === null ? [] : [levelWithBaseline(ratioOf(figureOf('baseline'), own))]),
    ],
  };
}

const nothing: Figure = () => null;

/** How many messages of `other` cost as much as one of `one`. */
function ratioOf(one: Figure, other: Figure): number | null {
  const costs = [one, other].map((figure) => figure('cpuMicrosecondsPerMessage'));
  return costs[0] === null || costs[1] === null ? null : costs[0]! / costs[1]!;
}

function entrantsOf({ hasDifferent }: FanOut, { baseline, fleet, subscriptionPeers }: Bench): Entrant[] {
  const entrant = (contender: Contender, { url: databaseUrl, ids } = fleet): Entrant => {
    return { label: contender.title, contender, databaseUrl, ids, isShared: true };
  };
  const own = entrant(STATIONMASTER);
  return [
    own,
    ...(baseline === null ? [] : [entrant(baselineOf(STATIONMASTER, baseline.folder), baseline.fleet)]),
    ...subscriptionPeers.map((contender) => entrant(contender)),
    ...(hasDifferent ? [{ ...own, label: `${own.label}, subscriptions that differ`, isShared: false }] : []),
  ];
}

async function takeTurns(spec: FanOut, bench: Bench): Promise<ReadonlyMap<Entrant, readonly Measurement[]>> {
  const measured = new Map<Entrant, Measurement[]>(entrantsOf(spec, bench).map((entrant) => [entrant, []]));
  const { sockets, events, reportsPerSecond } = spec;
  for (let round = 1; round <= bench.rounds; round++) {
    for (const [entrant, measurements] of measured) {
      const { contender, databaseUrl, ids, isShared, label } = entrant;
      // Another one each time: the memory of an earlier round would count for no socket.
      const server = await startServer(contender, {
        databaseUrl,
        environment: { SOCKET_MAX_CONNECTIONS: String(sockets), SOCKET_MAX_UNINITIALIZED: String(sockets) },
      });
      try {
        const { seconds } = bench;
        const plan = { url: server.url, sockets, isShared, ids, events, seconds, reportsPerSecond };
        const measurement = await measure(server, plan);
        measurements.push(measurement);
        bench.progress(`  round ${round}, ${label}: ${measurement.cpuMicrosecondsPerMessage.toFixed(1)} µs a message`);
      } finally {
        await server.stop();
      }
    }
  }
  return measured;
}

async function measure(server: RunningServer, plan: FanOutPlan): Promise<Measurement> {
  const idle = await server.usage();
  const subscribers = fork(new URL('../fan-out-subscribers.ts', import.meta.url));
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
