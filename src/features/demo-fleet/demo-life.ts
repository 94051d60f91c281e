import type { Timers } from '../../timers.ts';
import type { TelemetryReading } from '../workstation/index.ts';
import type { WorkstationRow } from './demo-fleet.ts';

export interface DemoLifeParts {
  /** The workstations of the demo fleet, some of which may be gone. */
  readonly workstations: Iterable<WorkstationRow>;
  /** Which of these ids workstations have. */
  readonly findExisting: (ids: readonly string[]) => Promise<readonly string[]>;
  /** Stores readings; passes over ids that no workstation has. */
  readonly report: (readings: readonly TelemetryReading[]) => Promise<unknown>;
  readonly timers: Timers;
  readonly onError: (error: unknown) => void;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
/** How many seconds pass between two reports of one machine. */
export const REPORT_EVERY_SECONDS = 10;

/** One machine of the demo fleet that is switched on. */
interface LivingMachine {
  readonly id: string;
  readonly index: number;
  /** Around which its values swing, in percent. */
  readonly cpuUsage: number;
  readonly memoryUsage: number;
  readonly diskUsage: number;
}

/**
 * Lets the demo fleet report, a tenth of it each second in one batch. What a machine reports, and when it is silent, depends
 * on the time alone, so several processes agree on it.
 */
export class DemoLife {
  readonly #parts: DemoLifeParts;
  #machines: readonly LivingMachine[] = [];
  #cancel = () => {};
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: DemoLifeParts) {
    this.#parts = parts;
  }

  /** Does nothing where none of the demo fleet is left. */
  start(): void {
    this.#running = this.#findMachines().catch(this.#parts.onError);
  }

  /** Resolves once nothing runs any more. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    return this.#running;
  }

  async #findMachines(): Promise<void> {
    const all = livingMachines(this.#parts.workstations);
    const existing = new Set(await this.#parts.findExisting(all.map(({ id }) => id)));
    this.#machines = all.filter(({ id }) => existing.has(id));
    if (this.#machines.length > 0) this.#waitForNext();
  }

  #waitForNext(): void {
    if (this.#isStopped) return;
    this.#cancel = this.#parts.timers.after(SECOND_MS, () => {
      // The next second is not waited for before this one is stored, so nothing piles up.
      this.#running = this.#tick().finally(() => this.#waitForNext());
    });
  }

  async #tick(): Promise<void> {
    const readings = readingsAt(this.#parts.timers.now(), this.#machines);
    if (readings.length === 0) return;
    // Without a database everybody else says so already; a second later it is tried again.
    await this.#parts.report(readings).catch(() => {});
  }
}

/** The machines that are switched on: not those that were offline or taken out of use. */
export function livingMachines(workstations: Iterable<WorkstationRow>): LivingMachine[] {
  const machines: LivingMachine[] = [];
  let index = 0;
  for (const { id, status, cpu_usage: cpuUsage, memory_usage: memoryUsage, disk_usage: diskUsage } of workstations) {
    const isOn = status === 'ONLINE' || status === 'ERROR';
    if (isOn) machines.push({ id, index, cpuUsage: cpuUsage!, memoryUsage: memoryUsage!, diskUsage: diskUsage! });
    index++;
  }
  return machines;
}

/** What the machines report in the second of `nowMs`. */
export function readingsAt(nowMs: number, machines: readonly LivingMachine[]): TelemetryReading[] {
  const turn = Math.floor(nowMs / SECOND_MS) % REPORT_EVERY_SECONDS;
  return machines
    .filter((machine) => machine.index % REPORT_EVERY_SECONDS === turn && !isSilent(nowMs, machine))
    .map(({ id, index, cpuUsage, memoryUsage, diskUsage }) => ({
      workstationId: id,
      cpuUsage: swing(cpuUsage, 12, nowMs / (2.3 * MINUTE_MS) + index),
      memoryUsage: swing(memoryUsage, 4, nowMs / (7.1 * MINUTE_MS) + index),
      diskUsage: swing(diskUsage, 1, nowMs / (90 * MINUTE_MS) + index),
    }));
}

/** Each machine is silent for 3 to 7 minutes of every 40 to 80, each at a time of its own: about one in twelve. */
function isSilent(nowMs: number, { index }: LivingMachine): boolean {
  const periodMs = (40 + (index % 41)) * MINUTE_MS;
  const silentMs = (3 + (index % 5)) * MINUTE_MS;
  return (nowMs + index * 7919 * SECOND_MS) % periodMs < silentMs;
}

/** Two waves whose periods have no common measure, so that the sum does not look like one. */
function swing(around: number, by: number, phase: number): number {
  const value = around + by * (0.6 * Math.sin(phase) + 0.4 * Math.sin(phase * 5.37));
  return Math.round(Math.min(100, Math.max(0, value)) * 10) / 10;
}
