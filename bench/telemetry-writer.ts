import { Connection, post } from './connection.ts';
import type { Traffic } from './load-plan.ts';
import { body } from './queries.ts';
import { createRandom } from './zipf.ts';

const REPORTS_PER_SECOND = 10;

/** Reports telemetry of one part of the fleet after the other, at a steady rate, on a connection of its own. */
export class TelemetryWriter {
  /** Rows that the server said it has stored. */
  rows = 0;
  readonly #connection: Connection;
  readonly #timer: NodeJS.Timeout;
  #waiting = 0;

  static async start(traffic: Traffic & { kind: 'telemetry' }, url: string): Promise<TelemetryWriter | null> {
    if (traffic.rowsPerSecond === 0) return null;
    return new TelemetryWriter(await Connection.open(url, throwIt), traffic, url);
  }

  private constructor(connection: Connection, traffic: Traffic & { kind: 'telemetry' }, url: string) {
    this.#connection = connection;
    const nextReport = reports(traffic, url);
    connection.onAnswer = (_status, answer) => {
      const stored = /"stored":(\d+)/.exec(answer.toString())?.[1];
      if (stored === undefined) throw new Error(`Telemetry was refused: ${answer.toString().slice(0, 500)}`);
      this.rows += Number(stored);
      if (--this.#waiting > 0) connection.send(nextReport());
    };
    // A report that is late is sent as soon as the one before it was answered, so that none is left out.
    this.#timer = setInterval(() => {
      if (this.#waiting++ === 0) connection.send(nextReport());
    }, 1000 / REPORTS_PER_SECOND);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#connection.close();
  }
}

function reports({ report, ids, rowsPerSecond }: Traffic & { kind: 'telemetry' }, url: string): () => Buffer {
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

function throwIt(error: Error): never {
  throw error;
}
