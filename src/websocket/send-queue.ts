import type { Duplex } from 'node:stream';
import type { RenderedEvent } from './kept-events.ts';
import { corkForTurn } from './turn-writes.ts';

/** How the events of one subscription are sent. */
export interface EventForm {
  /** As the outlet takes it. */
  dataOf(event: RenderedEvent): string;
  /** Tells the event's key from those of other subscriptions of the peer. */
  keyOf(event: RenderedEvent): string;
}

/** A subscriber. Nothing is sent to one that has left. */
export interface Recipient {
  readonly hasLeft: boolean;
}

/** An event that waits. */
interface EventMessage {
  readonly data: string;
  /** A newer event with the same key may replace this one. */
  readonly key: string;
  /** Whether a newer event with the same key does so even if there is room for both. */
  readonly isState?: boolean | undefined;
  readonly recipient: Recipient;
}

/** A reply to a message of the peer. */
interface Reply {
  readonly data: string;
  readonly onSent: () => void;
}

type Message = EventMessage | Reply;

/** What a queue sends to: a WebSocket, or what behaves like one. */
export interface Outlet {
  /** The connection under it. */
  readonly connection: Duplex;
  readonly isOpen: boolean;
  /** Whether more may be handed to the network. The rest waits in the queue, where it can still be dropped. */
  readonly hasRoom: boolean;
  /** Whether nothing is read from the peer. */
  readonly isPaused: boolean;
  /** @param onSent called once the data is handed to the network, or cannot be */
  send(data: string, onSent?: () => void): void;
  /** Calls `listener` each time there is room again. */
  onRoom(listener: () => void): void;
  onClose(listener: () => void): void;
  pause(): void;
  resume(): void;
}

export interface SendQueueOptions {
  readonly maxQueuedBytes: number;
  /** Called for each waiting event that is dropped because a newer one takes its place. */
  readonly onCoalesced?: (() => void) | undefined;
  /** Called when too many events wait even with one per key. The queue has been emptied. */
  readonly onOverflow: () => void;
}

/** The memory of a waiting message beside its data. */
const OVERHEAD_BYTES = 200;

/** Events that are sent together are handed to the network in pieces of about this length. */
const LONGEST_PIECE = 16 * 1024;

/**
 * Sends messages to one peer, in order, no faster than the peer reads. The queue is bounded.
 *
 * Events arrive whether the peer reads or not. Past `maxQueuedBytes` only the newest event of each key is kept, at the end
 * of the queue, until the peer has caught up. When even that is too much, `onOverflow` has to close the socket.
 * Replies arrive because the peer asked. Past `maxQueuedBytes` of them nothing is read from the peer until it has read.
 */
export class SendQueue {
  readonly #outlet: Outlet;
  readonly #options: SendQueueOptions;
  /** By key while the queue coalesces, else by number. */
  #waiting = new Map<string | number, Message>();
  #eventBytes = 0;
  #replyBytes = 0;
  #isCoalescing = false;
  #lastNumber = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(outlet: Outlet, options: SendQueueOptions) {
    this.#outlet = outlet;
    this.#options = options;
    outlet.onRoom(() => this.#drain());
    outlet.onClose(() => this.#clear());
  }

  /** Resolves once the data is handed to the network, or dropped. */
  send(data: string): Promise<void> {
    return new Promise((resolve) => {
      // The outlet is closing; its close event follows.
      if (!this.#outlet.isOpen) resolve();
      else if (this.#mayTransmit) this.#transmit(data, resolve);
      else this.#enqueue({ data, onSent: resolve });
    });
  }

  sendEvents(events: readonly RenderedEvent[], form: EventForm, recipient: Recipient): void {
    // The outlet is closing; its close event follows.
    if (!this.#outlet.isOpen) return;
    let piece = '';
    for (const event of events) {
      const data = form.dataOf(event);
      if (piece === '' && !this.#mayTransmit) {
        this.#enqueue({ data, key: form.keyOf(event), isState: event.isState, recipient });
        continue;
      }
      piece += data;
      if (piece.length < LONGEST_PIECE) continue;
      this.#transmit(piece);
      piece = '';
    }
    if (piece !== '') this.#transmit(piece);
  }

  /** `undefined` when nothing waits, otherwise what resolves when nothing does any more, or the socket is closed. */
  whenDrained(): Promise<void> | undefined {
    if (this.#waiting.size === 0) return undefined;
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  get #mayTransmit(): boolean {
    return this.#waiting.size === 0 && this.#outlet.hasRoom;
  }

  #transmit(data: string, onSent?: () => void): void {
    corkForTurn(this.#outlet.connection);
    this.#outlet.send(data, onSent);
  }

  #drain(): void {
    for (const [place, message] of this.#waiting) {
      if (!this.#outlet.hasRoom) return;
      this.#remove(place, message);
      if (isWanted(message)) this.#transmit(message.data, isEvent(message) ? undefined : message.onSent);
    }
    this.#isCoalescing = false;
    this.#drained?.resolve();
    this.#drained = undefined;
    if (this.#outlet.isPaused) this.#outlet.resume();
  }

  #enqueue(message: Message): void {
    const { maxQueuedBytes, onOverflow } = this.#options;
    this.#add(message);
    if (this.#eventBytes > maxQueuedBytes && !this.#isCoalescing) this.#coalesce();
    if (this.#eventBytes > maxQueuedBytes) {
      this.#clear();
      onOverflow();
    } else if (this.#replyBytes > maxQueuedBytes) {
      this.#outlet.pause();
    }
  }

  #add(message: Message): void {
    this.#lastNumber += 1;
    const hasPlace = isEvent(message) && (this.#isCoalescing || message.isState);
    const place = hasPlace ? message.key : this.#lastNumber;
    const replaced = this.#waiting.get(place);
    // Removed first: the newer message belongs at the end, behind what was committed before it.
    if (replaced) {
      this.#remove(place, replaced);
      this.#options.onCoalesced?.();
    }
    this.#waiting.set(place, message);
    this.#count(message, 1);
  }

  #remove(place: string | number, message: Message): void {
    this.#waiting.delete(place);
    this.#count(message, -1);
  }

  #count(message: Message, sign: 1 | -1): void {
    const bytes = sign * (message.data.length + OVERHEAD_BYTES);
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
