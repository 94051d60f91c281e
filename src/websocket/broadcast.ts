import type { Timers } from '../timers.ts';
import { type EventTraits, KeptEvents, type Render, type RenderedEvent } from './kept-events.ts';
import { Turns } from './turns.ts';

/** A source of events. `PushStream` has all the optional members. */
export interface EventSource extends AsyncIterable<unknown>, EventTraits {
  readonly isShared?: boolean;
  readonly pushed?: number;
  readonly taken?: number;
  readonly takenAtMs?: number;
  /** Gives pieces for `eventsIn`, of any source of the same events. */
  readonly replay?: { next(): unknown } | undefined;
}

/** Called with the next events, which may leave together. */
export type Deliver = (events: readonly RenderedEvent[], subscriber: Subscriber) => void;

export interface BroadcastOptions {
  /** Called once for all subscribers. */
  readonly render: Render;
  /** Called when an event was delivered to all, with the time since it was pushed, if its source tells. */
  readonly onDelivered?: (waitedMs: number) => void;
  /** Called when ending the source fails. */
  readonly onError: (error: unknown) => void;
}

/** How a subscriber takes part in a broadcast. */
export interface Participation {
  readonly deliver: Deliver;
  /** Resolves when the client has room for more; `undefined`: now. What it missed is sent no faster than that. */
  readonly whenReady?: (() => Promise<void> | undefined) | undefined;
  readonly onEnd: () => void;
}

/** What all broadcasts share. */
interface Shared {
  readonly turns: Turns;
  readonly timers: Timers;
}

/** How long events are kept after the last subscriber that missed some: those that were cut off together come back one after the other. */
const KEPT_MS = 1000;

/** How many pieces of work a subscriber that is catching up does in one turn, so that others do not wait for long. */
const MAX_PIECES_PER_TURN = 32;

/** How much JSON a subscriber that is catching up is given at once, in characters. */
const MAX_TOGETHER = 16 * 1024;

/**
 * Relays the events of one source to all subscribers that asked the same. Each event is rendered once, and delivered to
 * those that had subscribed before it was pushed. A subscriber that was cut off gets what it missed first. Ends with the
 * source, or when the last subscriber has left.
 */
export class Broadcast {
  readonly #source: EventSource;
  readonly #events: AsyncIterator<unknown>;
  readonly #options: BroadcastOptions;
  readonly #shared: Shared;
  readonly #onEnd: () => void;
  readonly #subscribers = new Set<Subscriber>();
  /** What was rendered since some subscriber gets what it missed: others may have missed it too. */
  readonly #kept: KeptEvents;
  #cancelForgetting = () => {};
  #catchingUp = 0;
  #read = 0;
  #hasEnded = false;

  constructor(source: EventSource, options: BroadcastOptions, shared: Shared, onEnd: () => void) {
    this.#source = source;
    this.#events = source[Symbol.asyncIterator]();
    this.#options = options;
    this.#shared = shared;
    this.#onEnd = onEnd;
    this.#kept = new KeptEvents(source, options.render);
  }

  /**
   * Delivers the events from now on, behind those of `replay`. The first subscriber starts the broadcast, and gets all events
   * of the source.
   */
  join({ deliver, onEnd, whenReady }: Participation, replay?: EventSource['replay']): Subscriber {
    const isFirst = this.#subscribers.size === 0;
    const since = isFirst ? 0 : this.#pushed;
    const subscriber = new Subscriber(replay ? Number.POSITIVE_INFINITY : since, deliver, () => {
      this.#subscribers.delete(subscriber);
      onEnd();
      if (this.#subscribers.size === 0) this.#stop();
    });
    this.#subscribers.add(subscriber);
    if (isFirst) void this.#relay();
    if (replay) void this.#catchUp(subscriber, replay, whenReady);
    return subscriber;
  }

  get #pushed(): number {
    return this.#source.pushed ?? this.#read;
  }

  async #relay(): Promise<void> {
    try {
      for (;;) {
        await this.#shared.turns.next();
        const { done, value } = await this.#events.next();
        if (done || this.#hasEnded) break;
        this.#read += 1;
        const place = this.#source.taken ?? this.#read;
        const pushedAtMs = this.#source.takenAtMs;
        const events = [await this.#render(value, place)];
        for (const subscriber of this.#subscribers) {
          if (subscriber.since < place) subscriber.deliver(events, subscriber);
        }
        if (pushedAtMs !== undefined) this.#options.onDelivered?.(performance.now() - pushedAtMs);
      }
      for (const subscriber of this.#subscribers) subscriber.finish();
    } catch (error) {
      for (const subscriber of this.#subscribers) subscriber.fail(error);
    }
  }

  /** Whatever is pushed after the end of the replay is delivered by the relay. */
  async #catchUp(
    subscriber: Subscriber,
    replay: NonNullable<EventSource['replay']>,
    whenReady: Participation['whenReady'],
  ): Promise<void> {
    this.#catchingUp += 1;
    this.#cancelForgetting();
    const batch = new Batch(subscriber);
    const takeTurn = takeTurns(this.#shared.turns, () => batch.deliver());
    try {
      for (;;) {
        const room = batch.isEmpty ? whenReady?.() : undefined;
        if (room) await room;
        const turn = takeTurn();
        if (turn) await turn;
        if (subscriber.hasEnded) return;
        const piece = replay.next();
        if (piece === null) break;
        for (const event of this.#kept.in(piece)) {
          const turn = takeTurn();
          if (turn) await turn;
          const rendered = event.current ?? (await batch.deliverBefore(event.render()));
          if (subscriber.hasEnded) return;
          batch.add(rendered);
        }
      }
      batch.deliver();
      subscriber.since = this.#pushed;
    } catch (error) {
      batch.deliver();
      subscriber.fail(error);
    } finally {
      this.#catchingUp -= 1;
      if (this.#catchingUp === 0 && !this.#hasEnded) {
        this.#cancelForgetting = this.#shared.timers.after(KEPT_MS, () => this.#kept.forget());
      }
    }
  }

  async #render(event: unknown, place: number): Promise<RenderedEvent> {
    const position = this.#source.positionOf?.(event);
    if (position !== undefined && this.#catchingUp > 0) return this.#kept.of(event).render();
    const { payload } = await this.#options.render(event);
    return { payload, key: this.#source.keyOf?.(event) ?? String(place), position };
  }

  #stop(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#cancelForgetting();
    this.#kept.forget();
    this.#onEnd();
    // Not awaited: a generator that waits for an event ends only after that event.
    Promise.resolve(this.#events.return?.()).catch(this.#options.onError);
  }
}

/** Events that are delivered together to a subscriber that is catching up. */
class Batch {
  readonly #subscriber: Subscriber;
  #events: RenderedEvent[] = [];
  #size = 0;

  constructor(subscriber: Subscriber) {
    this.#subscriber = subscriber;
  }

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  add(event: RenderedEvent): void {
    this.#events.push(event);
    this.#size += event.payload.length;
    if (this.#size >= MAX_TOGETHER) this.deliver();
  }

  deliver(): void {
    if (this.isEmpty) return;
    const events = this.#events;
    this.#events = [];
    this.#size = 0;
    this.#subscriber.deliver(events, this.#subscriber);
  }

  /** What is there need not wait for `next`. */
  deliverBefore(next: Promise<RenderedEvent>): Promise<RenderedEvent> {
    this.deliver();
    return next;
  }
}

/** @param onEnd called before a turn ends */
function takeTurns(turns: Turns, onEnd: () => void): () => Promise<void> | undefined {
  let left = 0;
  return () => {
    if (left > 0 && turns.hasTime) {
      left -= 1;
      return undefined;
    }
    onEnd();
    left = MAX_PIECES_PER_TURN;
    return turns.next();
  };
}

/**
 * One subscription to a broadcast. For graphql-ws it is a stream without results, because events are delivered past it. It
 * ends and fails with the subscription, and ends the subscription when it is returned.
 */
export class Subscriber implements AsyncIterableIterator<never> {
  /** Events with a higher place than this are delivered. */
  since: number;
  readonly deliver: Deliver;
  readonly #end: () => void;
  readonly #outcome = Promise.withResolvers<IteratorReturnResult<undefined>>();
  #hasEnded = false;
  #hasLeft = false;

  constructor(since: number, deliver: Deliver, onEnd: () => void) {
    this.since = since;
    this.deliver = deliver;
    this.#end = onEnd;
  }

  /** Whether the client ended the subscription, and gets no more events. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  finish(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#outcome.resolve({ done: true, value: undefined });
    this.#end();
  }

  fail(error: unknown): void {
    // Without a pending `next` it would be an unhandled rejection.
    this.#outcome.promise.catch(() => {});
    this.#outcome.reject(error);
    this.finish();
  }

  next(): Promise<IteratorResult<never>> {
    return this.#outcome.promise;
  }

  return(): Promise<IteratorResult<never>> {
    this.#hasLeft = true;
    this.finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** The broadcasts that other subscribers may join. */
export class Broadcasts {
  readonly #running = new Map<string, Broadcast>();
  readonly #shared: Shared;

  constructor(timers: Timers) {
    this.#shared = { turns: new Turns(), timers };
  }

  /**
   * The broadcast that runs under `key`, or a new one from `source`. Callers with the same key must have the right to see
   * the same events in the same form.
   */
  find(key: string, source: EventSource, options: BroadcastOptions): Broadcast {
    if (!source.isShared) return new Broadcast(source, options, this.#shared, () => {});
    const running = this.#running.get(key);
    if (running) {
      Promise.resolve(source[Symbol.asyncIterator]().return?.()).catch(options.onError);
      return running;
    }
    const broadcast = new Broadcast(source, options, this.#shared, () => this.#running.delete(key));
    this.#running.set(key, broadcast);
    return broadcast;
  }
}
