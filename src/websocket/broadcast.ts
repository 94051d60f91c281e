import { setImmediate } from 'node:timers/promises';

/** A source of events. `PushStream` has all the optional members. */
export interface EventSource extends AsyncIterable<unknown> {
  readonly isShared?: boolean;
  readonly pushed?: number;
  readonly taken?: number;
  keyOf?(event: unknown): string;
}

/**
 * Called with each event as clients see it, and with its key: a newer event with the same key may replace it.
 * @param isState whether a newer one makes it worthless, so that it should be replaced while it waits
 */
export type Deliver = (payload: string, key: string, subscriber: Subscriber, isState?: boolean) => void;

export interface BroadcastOptions {
  /** Writes an event as clients see it: once for all of them. */
  readonly render: (event: unknown) => Promise<string>;
  /** Called when ending the source fails. */
  readonly onError: (error: unknown) => void;
}

/** How long events are relayed in a row before the event loop continues. */
const LONGEST_RUN_MS = 10;

/**
 * Relays the events of one source to all subscribers that asked the same. Each event is rendered once, and delivered to
 * those that had subscribed before it was pushed. Ends with the source, or when the last subscriber has left.
 */
export class Broadcast {
  readonly #source: EventSource;
  readonly #events: AsyncIterator<unknown>;
  readonly #options: BroadcastOptions;
  readonly #onEnd: () => void;
  readonly #subscribers = new Set<Subscriber>();
  #read = 0;
  #hasEnded = false;

  constructor(source: EventSource, options: BroadcastOptions, onEnd: () => void) {
    this.#source = source;
    this.#events = source[Symbol.asyncIterator]();
    this.#options = options;
    this.#onEnd = onEnd;
  }

  /** Delivers the events from now on. The first subscriber starts the broadcast, and gets all events of the source. */
  join(deliver: Deliver, onEnd: () => void): Subscriber {
    const isFirst = this.#subscribers.size === 0;
    const since = isFirst ? 0 : (this.#source.pushed ?? this.#read);
    const subscriber = new Subscriber(since, deliver, () => {
      this.#subscribers.delete(subscriber);
      onEnd();
      if (this.#subscribers.size === 0) this.#stop();
    });
    this.#subscribers.add(subscriber);
    if (isFirst) void this.#relay();
    return subscriber;
  }

  async #relay(): Promise<void> {
    try {
      let turnBeganAtMs = performance.now();
      for (;;) {
        const { done, value } = await this.#events.next();
        if (done || this.#hasEnded) break;
        await this.#relayEvent(value);
        if (performance.now() - turnBeganAtMs < LONGEST_RUN_MS) continue;
        await setImmediate();
        turnBeganAtMs = performance.now();
      }
      for (const subscriber of this.#subscribers) subscriber.finish();
    } catch (error) {
      for (const subscriber of this.#subscribers) subscriber.fail(error);
    }
  }

  async #relayEvent(event: unknown): Promise<void> {
    this.#read += 1;
    const place = this.#source.taken ?? this.#read;
    const key = this.#source.keyOf?.(event) ?? String(place);
    const payload = await this.#options.render(event);
    for (const subscriber of this.#subscribers) {
      if (subscriber.since < place) subscriber.deliver(payload, key, subscriber);
    }
  }

  #stop(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#onEnd();
    // Not awaited: a generator that waits for an event ends only after that event.
    Promise.resolve(this.#events.return?.()).catch(this.#options.onError);
  }
}

/**
 * One subscription to a broadcast. For graphql-ws it is a stream without results, because events are delivered past it. It
 * ends and fails with the subscription, and ends the subscription when it is returned.
 */
export class Subscriber implements AsyncIterableIterator<never> {
  /** Events with a higher place than this came after the subscription. */
  readonly since: number;
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

  /**
   * The broadcast that runs under `key`, or a new one from `source`. Callers with the same key must have the right to see
   * the same events in the same form.
   */
  find(key: string, source: EventSource, options: BroadcastOptions): Broadcast {
    if (!source.isShared) return new Broadcast(source, options, () => {});
    const running = this.#running.get(key);
    if (running) {
      Promise.resolve(source[Symbol.asyncIterator]().return?.()).catch(options.onError);
      return running;
    }
    const broadcast = new Broadcast(source, options, () => this.#running.delete(key));
    this.#running.set(key, broadcast);
    return broadcast;
  }
}
