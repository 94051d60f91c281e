import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GraphQLFormattedError } from 'graphql';
import type { Timers } from '../../timers.ts';
import type { Deliver } from '../../websocket/broadcast.ts';
import { type EventForm, type Outlet, SendQueue } from '../../websocket/send-queue.ts';
import type { StreamFormat } from './stream-format.ts';

export interface ResultStreamOptions {
  readonly format: StreamFormat;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxQueuedBytes: number;
  readonly onCoalesced: () => void;
  readonly timers: Timers;
}

const KEEP_ALIVE_MS = 12_000;

/** An HTTP response whose body is the results of one operation. A client that reads too slowly is disconnected. */
export class ResultStream {
  readonly #response: ServerResponse;
  readonly #format: StreamFormat;
  readonly #form: EventForm = {
    dataOf: ({ payload, position }) => this.#format.next(payload, position),
    keyOf: ({ key }) => key,
  };
  readonly #queue: SendQueue;
  readonly #timers: Timers;
  #hasEnded = false;

  constructor(response: ServerResponse, { format, headers, maxQueuedBytes, onCoalesced, timers }: ResultStreamOptions) {
    this.#response = response;
    this.#format = format;
    this.#timers = timers;
    const connection = response.socket!;
    // Finds out about a peer that is gone without a word, which cannot be asked as the peer of a WebSocket can.
    connection.setKeepAlive(true, KEEP_ALIVE_MS);
    const onOverflow = () => response.destroy();
    this.#queue = new SendQueue(new ResponseOutlet(response), { maxQueuedBytes, onCoalesced, onOverflow });
    response.writeHead(200, { ...headers, 'content-type': format.contentType, 'x-accel-buffering': 'no' });
    response.write(format.opening);
    this.#keepAlive();
  }

  /** Calls `listener` when the connection is gone, or the stream has ended. */
  onClose(listener: () => void): void {
    if (this.#response.closed || this.#response.destroyed) listener();
    else this.#response.once('close', listener);
  }

  readonly deliver: Deliver = (events, recipient) => this.#queue.sendEvents(events, this.#form, recipient);

  /** Resolves when the client has room for more. */
  whenDrained(): Promise<void> | undefined {
    return this.#queue.whenDrained();
  }

  /** Ends the stream after its last result. @param payload that result, where it was not delivered */
  complete(payload?: string): void {
    const { complete, next } = this.#format;
    this.#end(payload === undefined ? complete : next(payload) + complete);
  }

  /** Ends the stream although there may be more results, and the connection with it: a server that closes waits for it. */
  interrupt(error: GraphQLFormattedError): void {
    const { socket } = this.#response;
    this.#end(this.#format.interrupted(error), () => socket?.end());
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#response.destroy();
  }

  #end(text: string, onEnd = () => {}): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    // Behind everything that waits for the client.
    void this.#queue.send(text).then(() => this.#response.end(onEnd));
  }

  #keepAlive(): void {
    const cancel = this.#timers.after(KEEP_ALIVE_MS, () => {
      // A client that has unread results is known to be there, or will be found out.
      if (this.#response.writableLength === 0 && !this.#hasEnded) this.#response.write(this.#format.keepAlive);
      this.#keepAlive();
    });
    this.onClose(cancel);
  }
}

/** A response as the queue sees a WebSocket. */
class ResponseOutlet implements Outlet {
  readonly connection: Duplex;
  readonly isPaused = false;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.connection = response.socket!;
    this.#response = response;
  }

  get isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded;
  }

  get hasRoom(): boolean {
    return !this.#response.writableNeedDrain;
  }

  send(text: string, onSent?: () => void): void {
    this.#response.write(text, () => onSent?.());
  }

  onRoom(listener: () => void): void {
    this.#response.on('drain', listener);
  }

  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }

  pause(): void {}

  resume(): void {}
}
