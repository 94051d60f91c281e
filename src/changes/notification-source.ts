export const CHANNEL = 'stationmaster_changes';

export interface NotificationHandlers {
  /** One payload, in commit order. */
  onPayload(payload: string): void;
  /** Everything committed from now on will be heard. */
  onUp(): void;
  /** From now on, and possibly for a while already, nothing is heard. Called once for each `onUp`, or before the first. */
  onDown(reason: unknown): void;
}

/** Port: where announcements come from. It reconnects by itself until it is closed. */
export interface NotificationSource {
  /** Resolves when the first attempt to listen succeeded or failed; it goes on trying in the background. */
  start(handlers: NotificationHandlers): Promise<void>;
  /** Gives up a connection that looks alive but is not trusted any more, and connects anew. */
  restart(reason: unknown): void;
  /** Sends a payload to every listener of the channel, this one included. */
  notify(payload: string): Promise<void>;
  close(): Promise<void>;
}
