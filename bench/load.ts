import { Connection } from './connection.ts';
import type { LoadMessage, LoadPlan, LoadResult, Plan, PrimingPlan, StampedePlan } from './load-plan.ts';
import { type Progress, TelemetryWriter } from './telemetry-writer.ts';
import { createTraffic, type Exchange, unchanging } from './traffic.ts';

/*
 * The load generator: a separate process that runs one plan after the other. Each connection sends its next request as
 * soon as it has the response to the previous one.
 */

process.on('message', async (plan: Plan | 'go') => {
  if (plan === 'go') return;
  try {
    if ('once' in plan) await prime(plan);
    const result = 'stampede' in plan ? await stampede(plan) : 'once' in plan ? NOTHING : await load(plan);
    tell({ result });
  } catch (error) {
    tell({ error: (error as Error).message });
  }
});
process.on('disconnect', () => process.exit(0));

const NOTHING: LoadResult = {
  requests: 0,
  answered: 0,
  seconds: 0,
  p50Ms: 0,
  p99Ms: 0,
  staleAnswers: 0,
  failedAnswers: 0,
  rowsWrittenPerSecond: 0,
  cpuMs: 0,
};

async function load({ url, connections, leadInSeconds, seconds, traffic }: LoadPlan): Promise<LoadResult> {
  const source = createTraffic(traffic, url);
  const telemetry = traffic.kind === 'telemetry' ? await TelemetryWriter.start(traffic, url) : null;
  const latencies = new Latencies();
  const startMs = performance.now() + 1000 * leadInSeconds;
  const endMs = startMs + 1000 * seconds;
  let answers = 0;
  let cpuMs = 0;
  let staleBefore = 0;
  let writtenBefore: Progress | undefined;
  const startCounting = () => {
    cpuMs = -ownCpuMs();
    staleBefore = source.staleAnswers;
    writtenBefore = telemetry?.progress;
  };
  setTimeout(startCounting, 1000 * leadInSeconds);
  await converse(url, connections, {
    next: () => (performance.now() < endMs ? source.next() : null),
    answered(sentMs, nowMs) {
      answers++;
      if (nowMs < startMs || nowMs > endMs) return;
      latencies.add(nowMs - sentMs);
    },
  });
  telemetry?.stop();
  return {
    ...NOTHING,
    ...latencies.summary(),
    answered: answers,
    seconds,
    staleAnswers: source.staleAnswers - staleBefore,
    rowsWrittenPerSecond: telemetry && writtenBefore ? rowsPerSecond(writtenBefore, telemetry.progress) : 0,
    cpuMs: cpuMs + ownCpuMs(),
  };
}

/** Measured from one response to another: a whole round would miss the report in flight at its end. */
function rowsPerSecond(from: Progress, to: Progress): number {
  return (1000 * (to.rows - from.rows)) / (to.atMs - from.atMs);
}

async function prime({ url, connections, once }: PrimingPlan): Promise<void> {
  const waiting = once.values();
  await converse(url, Math.min(connections, once.length), {
    next() {
      const { value, done } = waiting.next();
      return done ? null : unchanging(url, value);
    },
    answered() {},
  });
}

async function stampede({ url, stampede: readers, request }: StampedePlan): Promise<LoadResult> {
  const exchange = unchanging(url, request);
  const latencies = new Latencies();
  const left = new Array<Exchange>(readers).fill(exchange);
  let startMs = 0;
  let failedAnswers = 0;
  await converse(url, readers, {
    async ready() {
      const gone = new Promise((resolve) => process.once('message', resolve));
      tell({ phase: 'ready' });
      await gone;
      startMs = performance.now();
    },
    next: () => left.pop() ?? null,
    answered: (sentMs, nowMs) => latencies.add(nowMs - sentMs),
    failed: () => failedAnswers++,
  });
  const seconds = (performance.now() - startMs) / 1000;
  return { ...NOTHING, ...latencies.summary(), answered: readers, failedAnswers, seconds };
}

interface Conversation {
  /** Called and awaited once all connections are open. */
  ready?(): Promise<void>;
  /** The next request; `null` closes the connection. */
  next(): Exchange | null;
  answered(sentMs: number, nowMs: number): void;
  /** Called for a failed response. Without it, the first failure ends the conversation. */
  failed?(): void;
}

/** Sends requests on `connections` connections until `next` has ended each of them. */
async function converse(
  url: string,
  connections: number,
  { ready, next, answered, failed }: Conversation,
): Promise<void> {
  const broken = Promise.withResolvers<never>();
  const open: Connection[] = [];
  while (open.length < connections) {
    const count = Math.min(64, connections - open.length);
    open.push(...(await Promise.all(Array.from({ length: count }, () => Connection.open(url, broken.reject)))));
  }
  await ready?.();
  const conversations = open.map(
    (connection) =>
      new Promise<void>((resolve, reject) => {
        let sentMs = 0;
        let exchange: Exchange | null = null;
        const sendNext = (nowMs: number) => {
          exchange = next();
          if (!exchange) {
            // Closed now: the server would close the idle connection later, while others still wait for responses.
            connection.close();
            return resolve();
          }
          sentMs = nowMs;
          connection.send(exchange.bytes);
        };
        connection.onAnswer = (status, answer) => {
          const nowMs = performance.now();
          try {
            if (status !== 200) throw new Error(`Status ${status}: ${answer.toString().slice(0, 500)}`);
            exchange!.answered(answer);
          } catch (error) {
            if (!failed) return reject(error);
            failed();
          }
          answered(sentMs, nowMs);
          sendNext(nowMs);
        };
        sendNext(performance.now());
      }),
  );
  try {
    await Promise.race([Promise.all(conversations), broken.promise]);
  } finally {
    for (const connection of open) connection.close();
  }
}

class Latencies {
  #values = new Float64Array(2 ** 18);
  #count = 0;

  add(ms: number): void {
    if (this.#count === this.#values.length) {
      const longer = new Float64Array(2 * this.#count);
      longer.set(this.#values);
      this.#values = longer;
    }
    this.#values[this.#count++] = ms;
  }

  summary(): Pick<LoadResult, 'requests' | 'p50Ms' | 'p99Ms'> {
    const sorted = this.#values.subarray(0, this.#count).sort();
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
    return { requests: this.#count, p50Ms: at(0.5), p99Ms: at(0.99) };
  }
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function tell(message: LoadMessage): void {
  process.send!(message);
}
