import type { Timers } from '../timers.ts';

export interface EchoOptions {
  /**
   * Sends an echo to this instance, over the path that announcements take, in a transaction of its own.
   * @throws when it cannot be sent
   */
  readonly send: (id: string) => Promise<void>;
  /** Whether echoes go on once the first was heard. They need not where no connection lies between. */
  readonly isRepeated: boolean;
  /** After how many ticks of 0.5 s an echo that was not heard counts as lost. Default 3. */
  readonly ticksToBeHeard?: number;
}

interface Echo {
  readonly id: string;
  readonly sentAtMs: number;
  readonly heard: PromiseWithResolvers<void>;
  ticks: number;
  isSending: boolean;
  failure: unknown;
}

const TICK_MS = 500;
const TICKS_BETWEEN_ECHOES = 2;
export const TICKS_TO_BE_HEARD = 3;

/**
 * Notifications that an instance sends to itself, because a connection that answers need not deliver any: poolers and proxies
 * may swallow them, or lead writers to another server. At most one is under way.
 *
 * An echo that is not heard is noticed within 2.5 s of the last one that was. Ticks are counted and not time: a process that was
 * suspended has heard nothing meanwhile, and loses one of them.
 */
export class Echoes {
  readonly #options: EchoOptions;
  readonly #timers: Timers;
  readonly #onUnheard: (failure: unknown) => void;
  #current: Echo | undefined;
  #queued: PromiseWithResolvers<void> | undefined;
  #count = 0;
  #idleTicks = 0;
  #cancelTick: (() => void) | undefined;

  /** @param onUnheard called when an echo was not heard in time, with the reason if it could not even be sent */
  constructor(options: EchoOptions, timers: Timers, onUnheard: (failure: unknown) => void) {
    this.#options = options;
    this.#timers = timers;
    this.#onUnheard = onUnheard;
  }

  /** Sends the first echo, and goes on until `stop`. */
  start(): void {
    this.stop();
    this.#begin();
  }

  /** Forgets what is under way. Those who wait for it go on. */
  stop(): void {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
    this.#current?.heard.resolve();
    this.#queued?.resolve();
    this.#current = undefined;
    this.#queued = undefined;
  }

  /** Resolves when an echo that is sent after the call was heard, or at `stop`. Those who wait meanwhile share the next one. */
  next(): Promise<void> {
    if (!this.#current) return this.#begin().heard.promise;
    this.#queued ??= Promise.withResolvers();
    return this.#queued.promise;
  }

  /** Notes that an echo was heard. Returns when it was sent first if it is the one under way, otherwise `undefined`. */
  receive(id: string): number | undefined {
    if (this.#current?.id !== id) return undefined;
    const { sentAtMs } = this.#current;
    this.#current.heard.resolve();
    this.#current = undefined;
    this.#idleTicks = 0;
    if (this.#queued) this.#begin(this.#queued);
    return sentAtMs;
  }

  #begin(heard: PromiseWithResolvers<void> = Promise.withResolvers()): Echo {
    this.#queued = undefined;
    this.#count += 1;
    const echo: Echo = {
      id: String(this.#count),
      sentAtMs: this.#timers.now(),
      heard,
      ticks: 0,
      isSending: false,
      failure: undefined,
    };
    this.#current = echo;
    void this.#send(echo);
    this.#cancelTick ??= this.#timers.after(TICK_MS, this.#tick);
    return echo;
  }

  async #send(echo: Echo): Promise<void> {
    echo.isSending = true;
    try {
      await this.#options.send(echo.id);
      echo.failure = undefined;
    } catch (error) {
      echo.failure = error;
    }
    echo.isSending = false;
  }

  readonly #tick = (): void => {
    this.#cancelTick = undefined;
    const echo = this.#current;
    if (!echo && !this.#options.isRepeated) return;
    this.#cancelTick = this.#timers.after(TICK_MS, this.#tick);
    if (!echo) {
      this.#idleTicks += 1;
      if (this.#idleTicks >= TICKS_BETWEEN_ECHOES) this.#begin();
      return;
    }
    echo.ticks += 1;
    const { ticksToBeHeard = TICKS_TO_BE_HEARD } = this.#options;
    if (echo.ticks >= ticksToBeHeard) this.#onUnheard(echo.failure);
    else if (echo.failure !== undefined && !echo.isSending) void this.#send(echo);
  };
}
