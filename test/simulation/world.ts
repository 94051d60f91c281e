import { FakeServer } from '../cache/redis/fake-store.ts';
import type { Random } from '../coherence/random.ts';
import { type Climate, drawClimate } from './climate.ts';
import { Reachability } from './database-connection.ts';
import { History } from './history.ts';
import { Instance, type Surroundings } from './instance.ts';
import { Judge, type Window } from './judge.ts';
import { exponential } from './latency.ts';
import type { Sabotage } from './sabotage.ts';
import { SimulatedDatabase } from './simulated-database.ts';
import { Trace } from './trace.ts';
import type { Rule, Violation } from './violation.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Something that was begun and has to end. */
export interface Pending {
  readonly what: string;
  readonly startedAtMs: number;
  readonly instance: Instance;
}

/** How old a fresh answer may be on an instance that has not noticed a fault yet. As in `npm run check:coherence`. */
const FAULT_DELTA_MS = 3500;
/** The longest that a read or a write may take, pauses of its process aside. */
const LONGEST_MS = 10_000;

export interface WorldOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly sabotage: Sabotage;
}

/** One database, its instances, and the judge of what they answer. */
export class World {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly climate: Climate;
  readonly database: SimulatedDatabase;
  readonly reachability = new Reachability();
  readonly history = new History();
  readonly judge: Judge;
  readonly trace: Trace;
  readonly tierServer: FakeServer;
  readonly instances: Instance[] = [];
  readonly pending = new Set<Pending>();
  violation: Violation | null = null;
  reads = 0;
  writes = 0;
  faults = 0;
  readonly #sabotage: Sabotage;

  constructor({ time, random, sabotage }: WorldOptions) {
    this.time = time;
    this.random = random;
    this.#sabotage = sabotage;
    this.climate = { ...drawClimate(random.fork('climate')), ...sabotage.climate };
    this.trace = new Trace(this.time);
    this.database = new SimulatedDatabase(() => this.time.now());
    this.tierServer = new FakeServer(this.time);
    this.database.onCommit = (commit) => {
      this.history.add(commit);
      this.trace.addCommit(commit);
    };
    this.judge = new Judge({
      history: this.history,
      lastCommit: () => this.database.commits,
      report: (rule, about, text) => this.report(rule, about, text),
      onSight: (instance, what) => this.trace.add(instance, what),
    });
    for (let index = 0; index < this.climate.instances; index++) this.instances.push(this.#start(index));
  }

  /** Replaces an instance by a new one with an empty cache. */
  restart(index: number): void {
    const old = this.instances[index]!;
    old.kill();
    for (const pending of this.pending) if (pending.instance === old) this.pending.delete(pending);
    this.judge.forget(index);
    this.instances[index] = this.#start(index);
  }

  /** Runs `act` again and again on an instance until it is replaced, and on its successors, or on its own. */
  repeat(meanMs: number, act: () => void): void {
    const wait = () => {
      const delayMs = exponential(this.random, meanMs);
      const next = () => {
        wait();
        act();
      };
      this.time.after(delayMs, next, null);
    };
    wait();
  }

  /** What a read that begins now has to show. */
  window(instance: Instance, staleForMs = 0): Window {
    const nowMs = this.time.now();
    const order = this.judge.nextOrder();
    // A process that was paused could not notice anything meanwhile.
    const commitBefore = (ageMs: number) =>
      instance.owner.pausedUntilMs > nowMs - ageMs ? 0 : this.history.commitAt(nowMs - ageMs);
    if (staleForMs > 0) return { instance, floor: commitBefore(staleForMs + FAULT_DELTA_MS), order };
    if (!instance.isLive) return { instance, floor: this.database.commits, order };
    return { instance, floor: Math.max(instance.floor, commitBefore(FAULT_DELTA_MS)), order };
  }

  /** Whether something that began at a time may have failed: there was an outage, or a pause of the process. */
  mayHaveFailed(instance: Instance, startedAtMs: number): boolean {
    const { downUntilMs, frozenUntilMs } = this.reachability;
    // A statement notices an outage after 0.9 s, and for a second after that an instance in a gap tries no other.
    const fromMs = startedAtMs - 2000;
    return Math.max(downUntilMs, frozenUntilMs, instance.owner.pausedUntilMs) > fromMs;
  }

  report(rule: Rule, about: string, text: string): void {
    if (this.violation) return;
    this.trace.add(null, `${about} ${rule}`);
    this.violation = { rule, atMs: this.time.elapsedMs, text, events: this.trace.lastOf(about) };
  }

  /** Looks for what has not ended although it should have. */
  findOverdue(): void {
    const nowMs = this.time.now();
    for (const { what, startedAtMs, instance } of this.pending) {
      if (nowMs - Math.max(startedAtMs, instance.owner.pausedUntilMs) <= LONGEST_MS) continue;
      this.report(
        'never-ended',
        '',
        `${what} on instance ${instance.index} has not ended after ${nowMs - startedAtMs} ms.`,
      );
      return;
    }
  }

  #start(index: number): Instance {
    const { climate, database, reachability, time, random, tierServer } = this;
    const surroundings: Surroundings = {
      climate,
      database,
      reachability,
      time,
      random: random.fork(`instance ${index} ${time.now()}`),
      tierServer,
      sabotage: this.#sabotage,
    };
    return new Instance(index, surroundings);
  }
}
