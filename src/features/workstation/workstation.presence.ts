import type { DatabaseClient } from '../../database/connection/database-client.ts';
import type { Database } from '../../database/database.ts';
import { systemTimers, type Timers } from '../../timers.ts';

export interface PresenceOptions {
  readonly database: Database;
  /** After how many seconds without a report a workstation is OFFLINE. */
  readonly offlineAfterSeconds: number;
  /** Told of what could not be done. It is tried again. */
  readonly onError: (error: unknown) => void;
  /** Default: Node's timers. */
  readonly timers?: Timers;
}

/** The time between two looks for silent workstations. */
export const PRESENCE_PERIOD_MS = 3000;

/**
 * PostgreSQL ends a session that has been silent for this long, and releases its lock. So another instance takes over within
 * 10 seconds, also when the host of this one has vanished without closing its connections.
 */
const SESSION_TIMEOUT_MS = 6000;

/** Any number will do, as long as every instance uses the same. */
const PRESENCE_LOCK = 7_239_462;
const ROWS_PER_STATEMENT = 1000;

/** Each schema of a database is a fleet of its own. */
const TRY_LOCK = 'select pg_try_advisory_lock($1, hashtext(current_schema())) as is_held';

// Rows that are being written are left for the next time. Machines that were never seen have no time to compare.
const MARK_SILENT = `
  with silent as materialized (
    select id from workstation
    where status in ('ONLINE', 'ERROR') and last_seen_at < statement_timestamp() - make_interval(secs => $1)
    order by id limit ${ROWS_PER_STATEMENT} for update skip locked
  )
  update workstation w set status = 'OFFLINE' from silent
  where w.id = silent.id and (select set_config('stationmaster.is_report', 'on', true)) = 'on'
  returning w.id`;

/**
 * Makes workstations OFFLINE whose agents fell silent. One of all instances does it: the one whose session has the lock. Two
 * that do it at the same time, after a failover, do no harm.
 */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #timers: Timers;
  #session: DatabaseClient | null = null;
  #hasLock = false;
  #cancel = () => {};
  #turn: Promise<void> = Promise.resolve();
  #isStopped = false;
  /** Whether the last turn failed: an outage is reported once. */
  #hasFailed = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
  }

  /** The first look is a period away, so that machines have time to report after a pause of all servers. */
  start(): void {
    this.#cancel = this.#timers.after(PRESENCE_PERIOD_MS, () => {
      this.#turn = this.#takeTurn();
    });
  }

  /** Resolves when the turn in progress, if any, is over and the lock is free. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#turn;
    this.#endSession();
  }

  async #takeTurn(): Promise<void> {
    const { database, onError } = this.#options;
    try {
      if (database.kind === 'pglite' || (await this.#holdsLock())) await this.#markSilent();
      this.#hasFailed = false;
    } catch (error) {
      this.#endSession();
      if (!this.#hasFailed && !this.#isStopped) onError(error);
      this.#hasFailed = true;
    }
    if (!this.#isStopped) this.start();
  }

  /** Asks in any case, because the session ends unless it is heard of. */
  async #holdsLock(): Promise<boolean> {
    this.#session ??= await this.#openSession();
    if (this.#hasLock) await this.#session.query('select 1');
    else {
      const { rows } = await this.#session.query<{ is_held: boolean }>(TRY_LOCK, [PRESENCE_LOCK]);
      this.#hasLock = rows[0]!.is_held;
    }
    return this.#hasLock;
  }

  async #openSession(): Promise<DatabaseClient> {
    const session = await this.#options.database.openSession();
    session.on('error', () => session === this.#session && this.#endSession());
    await session.query(`set idle_session_timeout = ${SESSION_TIMEOUT_MS}`).catch((error) => {
      session.destroy();
      throw error;
    });
    return session;
  }

  #endSession(): void {
    this.#session?.destroy();
    this.#session = null;
    this.#hasLock = false;
  }

  async #markSilent(): Promise<void> {
    const { database, offlineAfterSeconds } = this.#options;
    let marked: readonly object[];
    do {
      marked = await database.execute('workstations-mark-silent', MARK_SILENT, [offlineAfterSeconds]);
    } while (marked.length === ROWS_PER_STATEMENT && !this.#isStopped);
  }
}
