import type { Duplex } from 'node:stream';

/** An event of a subscription, to be sent to a peer. */
export interface EventMessage {
  readonly text: string;
  /** A newer event with the same key may replace this one while it waits. */
  readonly key: string;
  /** Whether a newer event with the same key does so even if there is room for both. */
  readonly isState?: boolean | undefined;
  /** The subscriber. Nothing is sent to one that has left. */
  readonly recipient: { readonly hasLeft: boolean };
}

/** A reply to a message of the peer. */
interface Reply {
  readonly text: string;
  readonly onSent: () => void;
}

type Message = EventMessage | Reply;

/** What a queue sends to: a WebSocket, or what behaves like one. */
export interface Outlet {
  readonly readyState: number;
  readonly OPEN: number;
  readonly bufferedAmount: number;
  /** Whether nothing is read from the peer. */
  readonly isPaused: boolean;
  send(text: string, onSent: () => void): void;
  once(event: 'close', listener: () => void): unknown;
  pause(): void;
  resume(): void;
}

export interface SendQueueOptions {
  /** The connection under the socket. */
  readonly connection: Duplex;
  readonly maxQueuedBytes: number;
  /** Called when too many events wait even with one per key. The queue has been emptied. */
  readonly onOverflow: () => void;
}

/** How much is handed to the network at a time. The rest waits here, where it can still be dropped. */
const MAX_BUFFERED_BYTES = 64 * 1024;

/** The memory of a waiting message beside its text. */
const OVERHEAD_BYTES = 200;

/**
 * Sends messages to one peer, in order, no faster than the peer reads. The queue is bounded.
 *
 * Events arrive whether the peer reads or not. Past `maxQueuedBytes` only the newest event of each key is kept, at the end
 * of the queue, until the peer has caught up. When even that is too much, `onOverflow` has to close the socket.
 * Replies arrive because the peer asked. Past `maxQueuedBytes` of them nothing is read from the peer until it has read.
 */
export class SendQueue {
  readonly #socket: Outlet;
  readonly #options: SendQueueOptions;
  /** By key while the queue coalesces, else by number. */
  #waiting = new Map<string | number, Message>();
  #eventBytes = 0;
  #replyBytes = 0;
  #isCoalescing = false;
  #isGathering = false;
  #lastNumber = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(socket: Outlet, options: SendQueueOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.once('close', () => this.#clear());
  }

  /** Resolves once the text is handed to the network, or dropped. */
  send(text: string): Promise<void> {
    return new Promise((resolve) => this.#post({ text, onSent: resolve }));
  }

  sendEvent(event: EventMessage): void {
    this.#post(event);
  }

  /** `undefined` when nothing waits, otherwise what resolves when nothing does any more, or the socket is closed. */
  whenDrained(): Promise<void> | undefined {
    if (this.#waiting.size === 0) return undefined;
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  #post(message: Message): void {
    // The socket is closing; its close event follows.
    if (this.#socket.readyState !== this.#socket.OPEN) settle(message);
    else if (this.#waiting.size === 0 && this.#hasRoom()) this.#transmit(message);
    else this.#enqueue(message);
  }

  #hasRoom(): boolean {
    return this.#socket.bufferedAmount < MAX_BUFFERED_BYTES;
  }

  #transmit(message: Message): void {
    this.#gather();
    this.#socket.send(message.text, () => {
      settle(message);
      this.#drain();
    });
  }

  /** Messages sent in one turn of the event loop leave in one write. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#options.connection.cork();
    process.nextTick(() => {
      this.#isGathering = false;
      this.#options.connection.uncork();
    });
  }

  #drain(): void {
    for (const [place, message] of this.#waiting) {
      if (!this.#hasRoom()) return;
      this.#remove(place, message);
      if (isWanted(message)) this.#transmit(message);
    }
    this.#isCoalescing = false;
    this.#drained?.resolve();
    this.#drained = undefined;
    if (this.#socket.isPaused) this.#socket.resume();
  }

  #enqueue(message: Message): void {
    const { maxQueuedBytes, onOverflow } = this.#options;
    this.#add(message);
    if (this.#eventBytes > maxQueuedBytes && !this.#isCoalescing) this.#coalesce();
    if (this.#eventBytes > maxQueuedBytes) {
      this.#clear();
      onOverflow();
    } else if (this.#replyBytes > maxQueuedBytes) {
      this.#socket.pause();
    }
  }

  #add(message: Message): void {
    this.#lastNumber += 1;
    const hasPlace = isEvent(message) && (this.#isCoalescing || message.isState);
    const place = hasPlace ? message.key : this.#lastNumber;
    const replaced = this.#waiting.get(place);
    // Removed first: the newer message belongs at the end, behind what was committed before it.
    if (replaced) this.#remove(place, replaced);
    this.#waiting.set(place, message);
    this.#count(message, 1);
  }

  #remove(place: string | number, message: Message): void {
    this.#waiting.delete(place);
    this.#count(message, -1);
  }

  #count(message: Message, sign: 1 | -1): void {
    const bytes = sign * (message.text.length + OVERHEAD_BYTES);
    if (isEvent(message)) this.#eventBytes += bytes;
    else this.#replyBytes += bytes;
  }

  #coalesce(): void {
    this.#isCoalescing = true;
    for (const message of this.#empty()) {
      if (isWanted(message)) this.#add(message);
    }
  }

  #clear(): void {
    this.#empty().forEach(settle);
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  #empty(): Message[] {
    const messages = [...this.#waiting.values()];
    this.#waiting = new Map();
    this.#eventBytes = 0;
    this.#replyBytes = 0;
    return messages;
  }
}

function isEvent(message: Message): message is EventMessage {
  return 'recipient' in message;
}

function isWanted(message: Message): boolean {
  return !isEvent(message) || !message.recipient.hasLeft;
}

function settle(message: Message): void {
  if (!isEvent(message)) message.onSent();
}
