import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** An event of a subscription on its way to a peer. */
export interface EventMessage {
  readonly text: string;
  /** Of two that wait, the newer event with the same key may stand for both. */
  readonly key: string;
  /** Whoever it is for: nothing more is sent to one that has left. */
  readonly recipient: { readonly hasLeft: boolean };
}

/** An answer to something that the peer sent. */
interface Reply {
  readonly text: string;
  readonly onSent: () => void;
}

type Message = EventMessage | Reply;

export interface SendQueueOptions {
  /** What the socket writes to. */
  readonly connection: Duplex;
  readonly maxQueuedBytes: number;
  /** Too many events wait, even with one per key. The queue is empty by then. */
  readonly onOverflow: () => void;
}

/** What is given to the network at a time. The rest waits here, where it can still be dropped. */
const MAX_BUFFERED_BYTES = 64 * 1024;

/** What a waiting message weighs beside its text. */
const OVERHEAD_BYTES = 200;

/**
 * What is sent to one peer, in order, no faster than the peer reads. What waits is bounded.
 *
 * Events come whether the peer reads or not: past `maxQueuedBytes` only the newest of each key is kept, in its own place
 * at the end, until the peer has caught up; when even that is too much, `onOverflow` has to say goodbye to the peer.
 * Replies come because the peer asked: past `maxQueuedBytes` of them nothing more is read from the peer until it has read.
 */
export class SendQueue {
  readonly #socket: WebSocket;
  readonly #options: SendQueueOptions;
  /** By key while messages replace each other, else by number. */
  #waiting = new Map<string | number, Message>();
  #eventBytes = 0;
  #replyBytes = 0;
  #isCoalescing = false;
  #isGathering = false;
  #lastNumber = 0;

  constructor(socket: WebSocket, options: SendQueueOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.once('close', () => this.#clear());
  }

  /** Resolves once the text is on its way, or never will be. */
  send(text: string): Promise<void> {
    return new Promise((resolve) => this.#post({ text, onSent: resolve }));
  }

  sendEvent(event: EventMessage): void {
    this.#post(event);
  }

  #post(message: Message): void {
    // The peer is gone, or going: its close event is on the way.
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

  /** What is sent in one turn goes to the network in one piece. */
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
    const place = this.#isCoalescing && isEvent(message) ? message.key : this.#lastNumber;
    const replaced = this.#waiting.get(place);
    // Taken out first: the newer message belongs at the end, behind what was committed before it.
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
