import { normalizeId } from '../../collections/index.ts';
import type { Writer } from '../../database/write/writer.ts';
import { findRejected, type TelemetryReading } from './workstation.inputs.ts';
import type { TelemetryReport } from './workstation.type.ts';

/** At most one statement is sent in each window, however many agents report. */
export const TELEMETRY_WINDOW_MS = 100;

type Measured = Omit<TelemetryReading, 'workstationId'>;

interface Window {
  /** What is to be stored, by the workstation's id; later readings override earlier ones, value by value. */
  readonly readings: Map<string, Measured>;
  /** The ids that were found, once everything is committed. */
  readonly stored: Promise<ReadonlySet<string>>;
}

/**
 * Gathers telemetry and stores it in one statement a window. A report that comes after a quiet window is stored at once;
 * those that come while a statement runs, or within a window of the last one, wait and share the next statement. So every
 * commit, and the lock that NOTIFY takes at commit, is paid once for all of them.
 */
export class TelemetryWindows {
  readonly #writer: Writer;
  #open: Window | null = null;
  /** Resolves when the next statement may be sent. */
  #nextTurn: Promise<unknown> = Promise.resolve();

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  /**
   * Stores a batch of telemetry; of several readings of one workstation the later values count.
   * @returns how many workstations were updated, the ids that no workstation has, and the readings with bad values
   * @throws {StationmasterError} BAD_USER_INPUT for too large a batch, and then nothing is stored
   */
  async report(readings: readonly TelemetryReading[]): Promise<TelemetryReport> {
    const rejected = findRejected(readings);
    const isRejected = new Set(rejected.map(({ index }) => index));
    const accepted = readings.filter((_reading, index) => !isRejected.has(index));
    const found = await this.#store(accepted);
    const stored = new Set<string>();
    const unknownIds = new Set<string>();
    for (const { workstationId } of accepted) {
      const id = normalizeId(workstationId);
      if (id && found.has(id)) stored.add(id);
      else unknownIds.add(workstationId);
    }
    return { stored: stored.size, unknownIds: [...unknownIds], rejected };
  }

  /** Resolves to the ids that were found, once the readings are committed and this process has heard of it. */
  #store(readings: readonly TelemetryReading[]): Promise<ReadonlySet<string>> {
    const known = readings.flatMap(({ workstationId, ...measured }) => {
      const id = normalizeId(workstationId);
      return id ? [{ id, measured }] : [];
    });
    if (known.length === 0) return Promise.resolve(new Set());
    this.#open ??= this.#openWindow();
    for (const { id, measured } of known) {
      const given = Object.fromEntries(Object.entries(measured).filter(([, value]) => value != null));
      this.#open.readings.set(id, { ...this.#open.readings.get(id), ...given });
    }
    return this.#open.stored;
  }

  #openWindow(): Window {
    const readings: Window['readings'] = new Map();
    const stored = this.#nextTurn.then(() => {
      this.#open = null;
      const sent = this.#send(readings);
      this.#nextTurn = Promise.all([sent.catch(() => {}), wait(TELEMETRY_WINDOW_MS)]);
      return sent;
    });
    return { readings, stored };
  }

  async #send(readings: Window['readings']): Promise<ReadonlySet<string>> {
    const measured = [...readings.values()];
    const rows = await this.#writer.statement<{ id: string; xid: string }>('workstations-store-telemetry', STORE, [
      [...readings.keys()],
      measured.map(({ cpuUsage }) => cpuUsage ?? null),
      measured.map(({ memoryUsage }) => memoryUsage ?? null),
      measured.map(({ diskUsage }) => diskUsage ?? null),
      measured.map(({ status }) => status ?? null),
    ]);
    return new Set(rows.map(({ id }) => id));
  }
}

// The rows are locked in the order of their ids, so that batches of several instances never wait for each other in a ring.
// PostgreSQL evaluates the setting before any row, and takes it back with the transaction.
const STORE = `
  with reading as materialized (
    select * from unnest($1::uuid[], $2::float8[], $3::float8[], $4::float8[], $5::text[])
      as reading (id, cpu_usage, memory_usage, disk_usage, status)
  ), locked as materialized (
    select w.id from workstation w where w.id in (select id from reading) order by w.id for update
  )
  update workstation w set
    cpu_usage = coalesce(reading.cpu_usage, w.cpu_usage),
    memory_usage = coalesce(reading.memory_usage, w.memory_usage),
    disk_usage = coalesce(reading.disk_usage, w.disk_usage),
    status = coalesce(reading.status, case w.status when 'OFFLINE' then 'ONLINE' else w.status end),
    last_seen_at = statement_timestamp()
  from reading join locked using (id)
  where w.id = reading.id and (select set_config('stationmaster.is_report', 'on', true)) = 'on'
  returning w.id, pg_current_xact_id()::text as xid`;

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    // Nobody waits for the end of an empty window, so it does not keep the process running.
    setTimeout(resolve, ms).unref();
  });
}
