import { Connection, post } from './connection.ts';
import type { Traffic } from './load-plan.ts';
import { body } from './queries.ts';
import { createRandom } from './zipf.ts';

const REPORTS_PER_SECOND = 10;
const AGENTS = 10;

type Telemetry = Traffic & { readonly kind: 'telemetry' };

/** Rows that the server has confirmed as stored, and the time of the last confirmation. */
export interface Progress {
  readonly rows: number;
  readonly atMs: number;
}

/** Reports telemetry of one part of the fleet after the other at a steady rate, independent of the response times. */
export class TelemetryWriter {
  #progress: Progress = { rows: 0, atMs: performance.now() };
  readonly #agents: readonly Connection[];
  readonly #idle: Connection[];
  readonly #timer: NodeJS.Timeout;
  /** Reports that are due while all agents wait for a response. */
  #late = 0;
  #dueAtMs = performance.now();

  static async start(traffic: Telemetry, url: string): Promise<TelemetryWriter | null> {
    if (traffic.rowsPerSecond === 0) return null;
    const agents = await Promise.all(Array.from({ length: AGENTS }, () => Connection.open(url, throwIt)));
    return new TelemetryWriter(agents, reports(traffic, url));
  }

  private constructor(agents: readonly Connection[], nextReport: () => Buffer) {
    this.#agents = agents;
    this.#idle = [...agents];
    for (const agent of agents) {
      agent.onAnswer = (_status, answer) => {
        this.#progress = { rows: this.#progress.rows + storedIn(answer), atMs: performance.now() };
        if (this.#late === 0) return void this.#idle.push(agent);
        this.#late--;
        agent.send(nextReport());
      };
    }
    // Checked more often than a report is due, because timers drift, and drift more with longer periods.
    this.#timer = setInterval(() => {
      for (; this.#dueAtMs <= performance.now(); this.#dueAtMs += 1000 / REPORTS_PER_SECOND) {
        const agent = this.#idle.shift();
        if (agent) agent.send(nextReport());
        else this.#late++;
      }
    }, 100 / REPORTS_PER_SECOND);
  }

  get progress(): Progress {
    return this.#progress;
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const agent of this.#agents) agent.close();
  }
}

function reports({ report, ids, rowsPerSecond }: Telemetry, url: string): () => Buffer {
  const rows = rowsPerSecond / REPORTS_PER_SECOND;
  const random = createRandom(4);
  const percent = () => Math.round(1000 * random()) / 10;
  let at = 0;
  return () => {
    const readings = Array.from({ length: rows }, () => ({
      workstationId: ids[at++ % ids.length],
      cpuUsage: percent(),
      memoryUsage: percent(),
      diskUsage: percent(),
    }));
    return post(url, body(report, { readings }));
  };
}

function storedIn(answer: Buffer): number {
  const stored = /"stored":(\d+)/.exec(answer.toString())?.[1];
  if (stored === undefined) throw new Error(`Telemetry was refused: ${answer.toString().slice(0, 500)}`);
  return Number(stored);
}

function throwIt(error: Error): never {
  throw error;
}
