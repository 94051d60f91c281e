import type { NotificationHandlers, NotificationSource } from '../../src/changes/notification-source.ts';
import type { Random } from '../coherence/random.ts';
import { OutageError, type Reachability } from './database-connection.ts';
import type { SimulatedDatabase } from './simulated-database.ts';
import type { Owner, VirtualTime } from './virtual-time.ts';

export interface SourceOptions {
  readonly database: SimulatedDatabase;
  readonly reachability: Reachability;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly latencyMs: () => number;
  readonly owner: Owner;
  /** Called after a payload was handled, with the number of the last commit that has been delivered whole. */
  readonly onDelivered: (commit: number) => void;
  /** May change what is delivered. Returns whether the payload is to be delivered. */
  readonly filter?: (payload: string) => boolean;
}

interface Connection {
  isUp: boolean;
  /** Everything that is sent from now on is lost. */
  isDeaf: boolean;
  /** Nothing arrives before. */
  heldUntilMs: number;
  lastArrivalMs: number;
  unlisten: () => void;
}

/** A connection that listens: it delivers in commit order, each message in its own time, and breaks in several ways. */
export class SimulatedSource implements NotificationSource {
  readonly #options: SourceOptions;
  #handlers: NotificationHandlers | undefined;
  #connection: Connection | undefined;
  #isClosed = false;

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  async start(handlers: NotificationHandlers): Promise<void> {
    this.#handlers = handlers;
    await this.#connect();
  }

  restart(reason: unknown): void {
    const connection = this.#connection;
    if (!connection) return;
    this.#connection = undefined;
    connection.unlisten();
    this.#handlers!.onDown(reason);
    this.#connectLater();
  }

  async notify(payload: string): Promise<void> {
    const { time, latencyMs, database } = this.#options;
    const connection = this.#connection;
    if (!connection?.isUp) throw new Error('The source is not connected.');
    await time.sleep(latencyMs());
    if (this.#connection !== connection) throw new Error('The connection was lost.');
    database.notify(payload);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#connection?.unlisten();
    this.#connection = undefined;
  }

  /** Sends an echo as writers announce their changes, on a channel that only this instance listens on. */
  async echo(id: string): Promise<void> {
    const { time, latencyMs, database, reachability } = this.#options;
    await time.sleep(latencyMs());
    if (Math.max(reachability.downUntilMs, reachability.frozenUntilMs) > time.now()) throw new OutageError('No echo.');
    const payload = JSON.stringify({ echo: id, snapshot: database.snapshot() });
    await time.sleep(latencyMs());
    if (this.#connection) this.#send(this.#connection, payload, database.commits);
  }

  /** Loses everything on its way and from now on, and tells so after a while. */
  cut(noticedAfterMs: number): void {
    const connection = this.#connection;
    if (!connection?.isUp) return;
    connection.isUp = false;
    connection.isDeaf = true;
    const { time, owner } = this.#options;
    const notice = () => this.#connection === connection && this.restart(new Error('The connection was cut.'));
    time.after(noticedAfterMs, notice, owner);
  }

  /** Loses everything that is sent from now on, and never tells. */
  deafen(): void {
    if (this.#connection?.isUp) this.#connection.isDeaf = true;
  }

  /** Delivers nothing for a while, and then everything. */
  hold(forMs: number): void {
    if (this.#connection) this.#connection.heldUntilMs = this.#options.time.now() + forMs;
  }

  async #connect(): Promise<void> {
    const { database, reachability, time, latencyMs } = this.#options;
    await time.sleep(5 * latencyMs());
    if (this.#isClosed) return;
    if (Math.max(reachability.downUntilMs, reachability.frozenUntilMs) > time.now()) {
      this.#handlers!.onDown(new OutageError('The database is away.'));
      this.#connectLater();
      return;
    }
    const connection: Connection = {
      isUp: false,
      isDeaf: false,
      heldUntilMs: 0,
      lastArrivalMs: 0,
      unlisten: database.listen((payload, commit) => this.#send(connection, payload, commit)),
    };
    this.#connection = connection;
    const answerMs = latencyMs();
    connection.lastArrivalMs = time.now() + answerMs;
    await time.sleep(answerMs);
    if (this.#connection !== connection) return;
    connection.isUp = true;
    this.#handlers!.onUp();
  }

  #connectLater(): void {
    const { time, random, owner } = this.#options;
    const delayMs = random.chance(0.5) ? random.whole(1, 20) : random.whole(20, 1000);
    time.after(delayMs, () => void this.#connect(), owner);
  }

  #send(connection: Connection, payload: string, commit: number): void {
    const { time, latencyMs, owner, onDelivered, filter } = this.#options;
    if (connection.isDeaf) return;
    connection.lastArrivalMs = Math.max(connection.lastArrivalMs, connection.heldUntilMs, time.now() + latencyMs());
    const arrive = () => {
      if (this.#connection !== connection || !connection.isUp) return;
      if (filter?.(payload) ?? true) this.#handlers!.onPayload(payload);
      onDelivered(commit);
    };
    time.at(connection.lastArrivalMs, arrive, owner);
  }
}
