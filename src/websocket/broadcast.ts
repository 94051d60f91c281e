import type { Timers } from '../timers.ts';
import { Turns } from './turns.ts';

/** A source of events. `PushStream` has all the optional members. */
export interface EventSource extends AsyncIterable<unknown> {
  readonly isShared?: boolean;
  readonly pushed?: number;
  readonly taken?: number;
  readonly takenAtMs?: number;
  readonly replay?: { next(): readonly unknown[] | null } | undefined;
  keyOf?(event: unknown): string;
  positionOf?(event: unknown): string;
}

/** An event as clients see it. */
export interface RenderedEvent {
  readonly payload: string;
  /** A newer event with the same key may replace it. */
  readonly key: string;
  /** Whether a newer one makes it worthless, so that it should be replaced while it waits. */
  readonly isState?: boolean;
  /** From where a client that has it goes on after being cut off; `undefined`: its stream cannot be resumed. */
  readonly position: string | undefined;
}

/** Called with each event. */
export type Deliver = (event: RenderedEvent, subscriber: Subscriber) => void;

/** The JSON of an event. */
export interface Rendered {
  readonly payload: string;
  /** Whether rendering it again would give the same. */
  isCurrent(): boolean;
}

export interface BroadcastOptions {
  /** Writes an event as clients see it: once for all of them. */
  readonly render: (event: unknown) => Promise<Rendered>;
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

/** How much JSON is kept for several subscribers who missed the same, in characters. */
const MAX_KEPT = 4 * 1024 * 1024;
/** How long after the last of them: those that were cut off together come back one after the other. */
const KEPT_MS = 1000;

/** How many pieces of work a subscriber that is catching up does in one turn, so that others do not wait for long. */
const MAX_PIECES_PER_TURN = 32;

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
  readonly #kept = new Map<string, Promise<Rendered>>();
  #keptSize = 0;
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
        const event = await this.#render(value, place);
        for (const subscriber of this.#subscribers) {
          if (subscriber.since < place) subscriber.deliver(event, subscriber);
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
    const takeTurn = takeTurns(this.#shared.turns);
    try {
      for (;;) {
        await whenReady?.();
        await takeTurn();
        if (subscriber.hasEnded) return;
        const events = replay.next();
        if (!events) break;
        for (const event of events) {
          await takeTurn();
          const rendered = await this.#render(event, 0);
          if (subscriber.hasEnded) return;
          subscriber.deliver(rendered, subscriber);
        }
      }
      subscriber.since = this.#pushed;
    } catch (error) {
      subscriber.fail(error);
    } finally {
      this.#catchingUp -= 1;
      if (this.#catchingUp === 0 && !this.#hasEnded) {
        this.#cancelForgetting = this.#shared.timers.after(KEPT_MS, () => this.#forget());
      }
    }
  }

  async #render(event: unknown, place: number): Promise<RenderedEvent> {
    const key = this.#source.keyOf?.(event) ?? String(place);
    const position = this.#source.positionOf?.(event);
    const { payload } = await (position === undefined || this.#catchingUp === 0
      ? this.#options.render(event)
      : this.#renderOnce(event, `${key} ${position}`));
    return { payload, key, position };
  }

  async #renderOnce(event: unknown, name: string): Promise<Rendered> {
    const kept = await this.#kept.get(name);
    if (kept?.isCurrent()) return kept;
    const rendering = this.#options.render(event);
    this.#kept.set(name, rendering);
    const rendered = await rendering;
    this.#keptSize += rendered.payload.length;
    if (this.#keptSize > MAX_KEPT) this.#forget();
    return rendered;
  }

  #forget(): void {
    this.#kept.clear();
    this.#keptSize = 0;
  }

  #stop(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#cancelForgetting();
    this.#forget();
    this.#onEnd();
    // Not awaited: a generator that waits for an event ends only after that event.
    Promise.resolve(this.#events.return?.()).catch(this.#options.onError);
  }
}

/** What is delivered to one subscriber in one turn leaves in one write. */
function takeTurns(turns: Turns): () => Promise<void> | undefined {
  let left = 0;
  return () => {
    if (left > 0 && turns.hasTime) {
      left -= 1;
      return undefined;
    }
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
    // Without a pending `next` a failure would be an unhandled rejection.
    this.#outcome.promise.catch(() => {});
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
