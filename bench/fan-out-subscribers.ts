import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CountingSocket } from './counting-socket.ts';
import type { FanOutMessage, FanOutPlan, FanOutResult } from './fan-out-plan.ts';
import { REPORT } from './queries.ts';

/*
 * The subscribers: a separate process, which opens their sockets, reports what changes and counts what arrives. It begins
 * to measure when it is told to.
 */

const OPENED_AT_ONCE = 64;
const LONGEST_WAIT_MS = 30_000;
const WARM_UP_SECONDS = 3;

process.once('message', async (plan: FanOutPlan) => {
  try {
    const crowd = new Crowd(plan);
    await crowd.subscribe();
    await crowd.receive({ seconds: WARM_UP_SECONDS, reportsPerSecond: plan.reportsPerSecond });
    const told = new Promise((resolve) => process.once('message', resolve));
    tell({ phase: 'subscribed' });
    await told;
    tell({ result: await crowd.receive(plan) });
  } catch (error) {
    tell({ error: (error as Error).stack ?? String(error) });
  }
});
process.on('disconnect', () => process.exit(0));

/** A report, until all subscribers have its events. */
interface Report {
  readonly sentAtMs: number;
  /** The number of messages that a socket has received then. */
  readonly until: number;
  missing: number;
  readonly done: PromiseWithResolvers<void>;
}

class Crowd {
  readonly #plan: FanOutPlan;
  readonly #sockets: CountingSocket[] = [];
  readonly #broken = Promise.withResolvers<never>();
  /** In the order they were sent. */
  #reports: Report[] = [];
  #onMessage: (socket: CountingSocket) => void = () => {};
  #latencies: number[] = [];
  #sent = 0;
  /** The number of readings so far. */
  #readings = 0;
  #messages = 0;

  constructor(plan: FanOutPlan) {
    this.#plan = plan;
    this.#broken.promise.catch(() => {});
  }

  async subscribe(): Promise<void> {
    const { sockets, isShared } = this.#plan;
    const onMessage = (socket: CountingSocket) => this.#onMessage(socket);
    while (this.#sockets.length < sockets) {
      const count = Math.min(OPENED_AT_ONCE, sockets - this.#sockets.length);
      const open = () => CountingSocket.open(this.#plan.url, onMessage, this.#broken.reject);
      const opened = await Promise.all(Array.from({ length: count }, open));
      await this.#hear(opened, () => {
        for (const socket of opened) socket.send({ type: 'connection_init' });
      });
      for (const socket of opened) {
        const name = isShared ? 'Follow' : `Follow${this.#sockets.push(socket)}`;
        if (isShared) this.#sockets.push(socket);
        const query = `subscription ${name} { workstationChanged {
          kind workstation { id name hostname status cpuUsage memoryUsage diskUsage version } } }`;
        // The ids of clients are UUIDs, and differ.
        socket.send({ id: randomUUID(), type: 'subscribe', payload: { query } });
      }
    }
    await this.#waitForFirstEvent();
  }

  /** Resolves when each of the sockets has heard one more message. */
  async #hear(sockets: readonly CountingSocket[], cause: () => void): Promise<void> {
    let missing = sockets.length;
    const heard = Promise.withResolvers<void>();
    this.#onMessage = () => {
      missing -= 1;
      if (missing === 0) heard.resolve();
    };
    cause();
    await this.#within(heard.promise, 'connect');
  }

  /** Reports once more until a report has reached all: servers do not tell when a subscription has begun. */
  async #waitForFirstEvent(): Promise<void> {
    this.#onMessage = () => {};
    const haveAll = () => this.#sockets.every(({ messages }) => messages >= this.#plan.events);
    for (let attempt = 0; attempt < 10; attempt++) {
      for (const socket of this.#sockets) {
        socket.messages = 0;
        socket.sample = '';
      }
      await this.#report();
      for (let look = 0; look < 50 && !haveAll(); look++) await sleep(100);
      // Nothing of it is counted later.
      await sleep(500);
      if (haveAll()) return this.#checkSamples();
    }
    throw new Error('Not all subscriptions have begun.');
  }

  #checkSamples(): void {
    for (const socket of this.#sockets) {
      if (!socket.sample!.includes('"type":"next"') || socket.sample!.includes('"errors"'))
        throw new Error(socket.sample!);
      socket.sample = null;
    }
  }

  async receive({
    seconds,
    reportsPerSecond,
  }: Pick<FanOutPlan, 'seconds' | 'reportsPerSecond'>): Promise<FanOutResult> {
    for (const socket of this.#sockets) socket.messages = 0;
    this.#latencies = [];
    this.#sent = this.#messages = 0;
    this.#onMessage = (socket) => this.#count(socket);
    const [startMs, startCpuMs] = [performance.now(), ownCpuMs()];
    const endMs = startMs + 1000 * seconds;
    const pending: Promise<unknown>[] = [];
    while (performance.now() < endMs) {
      const done = this.#send();
      if (reportsPerSecond === null) {
        await this.#within(done, 'receive');
        continue;
      }
      pending.push(done);
      await sleep(Math.max(0, startMs + (1000 * pending.length) / reportsPerSecond - performance.now()));
    }
    await this.#within(Promise.all(pending), 'receive');
    const latencies = Float64Array.from(this.#latencies).sort();
    return {
      messages: this.#messages,
      seconds: (performance.now() - startMs) / 1000,
      p50Ms: latencies[Math.floor(latencies.length * 0.5)]!,
      p99Ms: latencies[Math.floor(latencies.length * 0.99)]!,
      cpuMs: ownCpuMs() - startCpuMs,
    };
  }

  async #send(): Promise<void> {
    this.#sent += 1;
    const report: Report = {
      sentAtMs: performance.now(),
      until: this.#sent * this.#plan.events,
      missing: this.#sockets.length,
      done: Promise.withResolvers(),
    };
    this.#reports.push(report);
    await Promise.all([this.#report(), report.done.promise]);
  }

  #count(socket: CountingSocket): void {
    this.#messages += 1;
    // Most often the first one. Only the last event of a report ends it for a socket.
    const report = this.#reports.find(({ until }) => until >= socket.messages)!;
    if (report.until !== socket.messages) return;
    this.#latencies.push(performance.now() - report.sentAtMs);
    report.missing -= 1;
    if (report.missing > 0) return;
    this.#reports = this.#reports.filter((other) => other !== report);
    report.done.resolve();
  }

  /** Two reports of one workstation that follow closely may be one event, so each is of others. */
  #next(): readonly string[] {
    const { ids, events } = this.#plan;
    return Array.from({ length: events }, () => ids[this.#readings++ % ids.length]!);
  }

  async #report(): Promise<void> {
    const cpuUsage = Math.round(Math.random() * 1e6) / 1e4;
    const readings = this.#next().map((workstationId) => ({ workstationId, cpuUsage }));
    const response = await fetch(`${this.#plan.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: REPORT, variables: { readings } }),
    });
    const text = await response.text();
    if (text.includes('"errors"')) throw new Error(text);
  }

  async #within(work: Promise<unknown>, what: string): Promise<void> {
    const over = new AbortController();
    const late = sleep(LONGEST_WAIT_MS, undefined, over).then(() => {
      throw new Error(`The subscribers could not ${what} within ${LONGEST_WAIT_MS / 1000} s.`);
    });
    late.catch(() => {});
    await Promise.race([work, this.#broken.promise, late]);
    over.abort();
  }
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function tell(message: FanOutMessage): void {
  process.send!(message);
}
