import type { CacheDependency, OnDependencyEnd, ReadTrace } from '../../cache/index.ts';
import type { Timers } from '../../timers.ts';
import type { ExecutionQueue } from './execution-queue.ts';

/** One execution of a live query. */
export interface LiveAnswer {
  /** The response as JSON. */
  readonly payload: string;
  readonly reads: ReadTrace;
  readonly hasErrors: boolean;
  /** Whether no change can make another answer of it. */
  readonly isFinal: boolean;
}

/** A client of a live query. */
export interface LiveListener {
  /** Called with each answer as JSON. A newer one may replace one that the client has not received. */
  deliver(payload: string): void;
  /** Called after the last answer. */
  finish(): void;
}

export interface LiveQueryParts {
  readonly execute: () => Promise<LiveAnswer>;
  /** See `Cache.dependOn`. */
  readonly dependOn: (reads: ReadTrace, onEnd: OnDependencyEnd) => CacheDependency | null;
  /** Whether changes are announced, see `Cache.isLive`. */
  readonly isLive: () => boolean;
  readonly executions: ExecutionQueue;
  readonly timers: Timers;
  readonly throttleMs: number;
  /** Called when the last client has left. */
  readonly onEmpty: () => void;
}

interface Member {
  readonly listener: LiveListener;
  /** The answer it was given last; `null`: none. */
  payload: string | null;
  /** When it may be given the next one. */
  dueAtMs: number;
  /** The execution that was running when it joined, or the last one before it joined. */
  readonly joinedAt: number;
}

/** Executions in a row that a change may interrupt before an answer is given all the same. */
const MAX_ATTEMPTS = 3;
/** The longest time between executions whose answers the cache cannot hold. */
const LONGEST_IDLE_MS = 5000;
/** The time between executions that fail, doubled each time. */
const RETRY_MS = { min: 1000, max: 30_000 };

/**
 * A live query and its clients. It executes when the first client joins, and again when something that its answer was built
 * from has left the cache: not sooner than `throttleMs` after the last answer, so that the newest of several answers wins.
 *
 * No change is missed. An answer that no dependency could be established for, because something changed while it was made,
 * is made again; and a dependency ends with the first change after it.
 */
export class LiveQuery {
  readonly #parts: LiveQueryParts;
  readonly #members = new Set<Member>();
  #payload: string | null = null;
  #dependency: CacheDependency | null = null;
  #executions = 0;
  #isExecuting = false;
  /** When the last execution began, or its answer was delivered. */
  #lastAtMs = Number.NEGATIVE_INFINITY;
  /** Whether the last answer was dropped by the cache, or not held by it, although nothing is known to have changed. */
  #wasForgotten = false;
  /** Executions in a row that brought nothing new for that reason. */
  #idle = 0;
  #failures = 0;
  #cancelExecution = () => {};
  #cancelDelivery = () => {};

  constructor(parts: LiveQueryParts) {
    this.#parts = parts;
  }

  /** Gives the client the answer at once, and then each that differs from the one before. @returns ends that */
  join(listener: LiveListener): () => void {
    const member: Member = { listener, payload: null, dueAtMs: Number.NEGATIVE_INFINITY, joinedAt: this.#executions };
    this.#members.add(member);
    if (!this.#isExecuting && this.#dependency?.isValid) this.#give(member, this.#parts.timers.now());
    else void this.#execute();
    return () => this.#leave(member);
  }

  /** Changes are announced again, and some may have been missed: the query is executed again. */
  resume(): void {
    this.#idle = 0;
    this.#failures = 0;
    this.#wasForgotten = false;
    this.#forget();
    this.#executeLater(this.#parts.throttleMs);
  }

  #leave(member: Member): void {
    if (this.#members.delete(member) && this.#members.size === 0) this.#stop();
  }

  #stop(): void {
    this.#cancelExecution();
    this.#cancelDelivery();
    this.#forget();
    this.#parts.onEmpty();
  }

  /** Ends the dependency without consequences. */
  #forget(): void {
    const dependency = this.#dependency;
    this.#dependency = null;
    dependency?.end();
  }

  async #execute(): Promise<void> {
    if (this.#isExecuting) return;
    this.#isExecuting = true;
    this.#cancelExecution();
    this.#forget();
    this.#lastAtMs = this.#parts.timers.now();
    const attempts = this.#idle === 0 ? MAX_ATTEMPTS : 1;
    let answer = await this.#attempt();
    for (let attempt = 1; attempt < attempts && this.#mustRepeat(answer); attempt++) answer = await this.#attempt();
    this.#isExecuting = false;
    if (this.#members.size > 0) this.#accept(answer);
    else this.#forget();
  }

  /** Executes, and depends on what was read: in the same turn, so that nothing can change in between. */
  async #attempt(): Promise<LiveAnswer> {
    this.#executions += 1;
    const answer = await this.#parts.execute();
    const dependency = this.#parts.dependOn(answer.reads, (cause) => {
      if (this.#dependency !== dependency) return;
      this.#dependency = null;
      this.#wasForgotten = cause === 'evicted';
      this.#executeLater(this.#pauseMs);
    });
    this.#dependency = dependency;
    return answer;
  }

  #mustRepeat({ hasErrors }: LiveAnswer): boolean {
    return this.#dependency === null && !hasErrors && this.#parts.isLive() && this.#members.size > 0;
  }

  #accept({ payload, hasErrors, isFinal }: LiveAnswer): void {
    const isNew = payload !== this.#payload;
    this.#payload = payload;
    if (isFinal) {
      this.#finish();
      return;
    }
    const isWaitedFor = this.#deliver();
    this.#lastAtMs = this.#parts.timers.now();
    this.#idle = this.#wasForgotten && !isNew ? this.#idle + 1 : 0;
    this.#failures = hasErrors ? this.#failures + 1 : 0;
    this.#wasForgotten = this.#dependency === null;
    if (isWaitedFor) void this.#execute();
    else if (hasErrors) this.#executeLater(Math.min(RETRY_MS.min * 2 ** (this.#failures - 1), RETRY_MS.max));
    else if (this.#dependency === null) this.#executeLater(this.#pauseMs);
  }

  /** The pause after an answer. Without the idle ones, a cache that is too small for its answers would be filled in vain. */
  get #pauseMs(): number {
    const { throttleMs } = this.#parts;
    return Math.max(throttleMs, Math.min(throttleMs * 2 ** this.#idle, LONGEST_IDLE_MS));
  }

  /** While the feed is not live, nothing is executed; `resume` starts again. */
  #executeLater(pauseMs: number): void {
    const { isLive, timers, executions } = this.#parts;
    this.#cancelExecution();
    let isCancelled = false;
    const enter = () =>
      executions.enter(async () => {
        if (!isCancelled && isLive()) await this.#execute();
      });
    // At most the pause, because the clock may have been set back.
    const waitMs = Math.min(this.#lastAtMs + pauseMs - timers.now(), pauseMs);
    const cancelTimer = waitMs > 0 ? timers.after(waitMs, enter) : enter();
    this.#cancelExecution = () => {
      isCancelled = true;
      cancelTimer?.();
    };
  }

  /**
   * Gives the answer to all who have not got it and may. A client that joined during the execution may get its answer only
   * if that is still valid: it may have been built before something that the client knows to have changed.
   * @returns whether such clients wait for the next execution
   */
  #deliver(): boolean {
    const { throttleMs, timers } = this.#parts;
    const nowMs = timers.now();
    let isWaitedFor = false;
    let waitMs = Number.POSITIVE_INFINITY;
    for (const member of this.#members) {
      if (member.payload === this.#payload) continue;
      if (member.payload === null && this.#dependency === null && member.joinedAt >= this.#executions)
        isWaitedFor = true;
      else if (member.dueAtMs > nowMs) waitMs = Math.min(waitMs, member.dueAtMs - nowMs, throttleMs);
      else this.#give(member, nowMs);
    }
    this.#cancelDelivery();
    this.#cancelDelivery = waitMs === Number.POSITIVE_INFINITY ? () => {} : this.#deliverIn(waitMs);
    return isWaitedFor;
  }

  /** An answer that has changed meanwhile is not delivered: the next one is on its way. */
  #deliverIn(waitMs: number): () => void {
    const { isLive, timers } = this.#parts;
    return timers.after(waitMs, () => {
      if (this.#dependency !== null || !isLive()) this.#deliver();
    });
  }

  #give(member: Member, nowMs: number): void {
    member.payload = this.#payload;
    member.dueAtMs = nowMs + this.#parts.throttleMs;
    member.listener.deliver(this.#payload!);
  }

  #finish(): void {
    for (const { listener, payload } of this.#members) {
      if (payload !== this.#payload) listener.deliver(this.#payload!);
      listener.finish();
    }
  }
}
