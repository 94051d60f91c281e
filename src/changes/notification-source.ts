import type { Query } from '../database/query.ts';

/** The NOTIFY channel of the change feed. */
export const CHANNEL = 'stationmaster_changes';

/** What a source reports. Called synchronously, one at a time. */
export interface NotificationHandlers {
  /** One payload. Payloads arrive in commit order. */
  onPayload(payload: string): void;
  /** Every transaction that commits from now on will be delivered. */
  onUp(): void;
  /**
   * Payloads are lost from now on, and may have been lost for a while. Called once after each `onUp`, and once for each
   * failed attempt to connect, or when one takes long that may still succeed.
   */
  onDown(reason: unknown): void;
}

/** What a source makes sure of, by statements on the connection that listens. */
export interface ConnectionCheck {
  /** Called with each new connection, before it is up. @throws why it must not be */
  accept(query: Query): Promise<void>;
  /** Called with each heartbeat. @throws why the connection must be given up */
  confirm(query: Query): Promise<void>;
}

/** Makes sure that the connection answers. */
export const ANY_ANSWER: ConnectionCheck = {
  accept: async () => {},
  confirm: async (query) => void (await query('select 1')),
};

/** Port: a source of announcements. It reconnects until it is closed. */
export interface NotificationSource {
  /** How much of its log the server keeps for this source, in bytes, as of the last heartbeat. Default: nothing. */
  readonly retainedBytes?: number;
  /** Resolves when the first attempt to listen has succeeded or failed. Further attempts run in the background. Call once. */
  start(handlers: NotificationHandlers): Promise<void>;
  /** Drops a connection that may have lost payloads, and reconnects. `reason` is passed to `onDown`. */
  restart(reason: unknown): void;
  /**
   * Sends a payload to every listener of the channel, including this one.
   * @throws {Error} when the source is not connected, or the payload could not be sent
   */
  notify(payload: string): Promise<void>;
  /** Stops listening. No handler is called after it. May be called twice. */
  close(): Promise<void>;
}
