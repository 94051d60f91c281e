import type { Instance } from './instance.ts';
import { BOUGHT_AT_MS } from './readers.ts';
import { IDS, type Table } from './rows.ts';
import { REPORTED_COLUMN, type Values, type WriteStatement } from './simulated-database.ts';
import type { World } from './world.ts';

/** The writes whose transactions `hasHeard` is asked about. */
const KEPT_WRITES = 8;

/** Writers with and without an instance: single rows, several rows, several statements, deletions and what follows them. */
export class Writers {
  readonly #world: World;
  readonly #recent: { readonly xid: string; readonly commit: number }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  start(): void {
    const world = this.#world;
    const { climate, random, database } = world;
    for (const table of ['studio', 'keeper', 'desk'] as const) {
      const rows = IDS[table].map((id) => ({ id, values: this.#draw(table) }));
      database.commit(database.begin(), [{ op: 'INSERT', table, rows, isBig: () => false, isSplit: false }], false);
    }
    world.repeat(climate.writePeriodMs, () => {
      const instance = random.pick(world.instances);
      const isOwn = random.chance(climate.ownWrites) && instance.owner.pausedUntilMs <= world.time.now();
      void this.write(this.#drawStatements(), isOwn ? instance : null);
    });
    world.repeat(50, () => this.#ask(random.pick(world.instances)));
  }

  /** @param instance answers the write once it has heard of it; `null`: another program writes */
  async write(statements: readonly WriteStatement[], instance: Instance | null): Promise<void> {
    const world = this.#world;
    const { time, random, database, reachability, pending } = world;
    time.owner = instance?.owner ?? null;
    world.writes++;
    const xid = database.begin();
    const waiting = instance && { what: `write ${xid}`, startedAtMs: time.now(), instance };
    if (waiting) pending.add(waiting);
    await time.sleep(random.next() * (random.chance(0.1) ? 100 : 2));
    if (Math.max(reachability.downUntilMs, reachability.frozenUntilMs) > time.now()) {
      database.rollBack(xid);
      if (waiting) pending.delete(waiting);
      return;
    }
    const isMarked = statements.length > 1 || random.chance(0.2);
    const isAnnounced = database.commit(xid, statements, isMarked);
    const commit = database.commits;
    this.#recent.push({ xid: String(xid), commit });
    if (this.#recent.length > KEPT_WRITES) this.#recent.shift();
    if (!instance) return;
    await time.sleep(random.next());
    const isHeard = isMarked || isAnnounced;
    if (isHeard) await instance.feed.waitUntilApplied(String(xid), isMarked ? 'transaction' : 'statement');
    pending.delete(waiting!);
    // A write that changed nothing has nothing to show.
    if (instance.owner.isDead || !isHeard) return;
    instance.raiseFloor(commit);
    world.trace.add(instance, `write ${xid} is answered`);
  }

  truncate(): void {
    void this.write([{ op: 'TRUNCATE', table: 'desk' }], null);
  }

  /** What the feed says it has heard has to show from then on. */
  #ask(instance: Instance): void {
    const { random, time, database, pending } = this.#world;
    if (instance.owner.pausedUntilMs > time.now()) return;
    const { feed } = instance;
    time.owner = instance.owner;
    for (const { xid, commit } of this.#recent) {
      if (instance.isLive && feed.hasHeard(xid)) instance.raiseFloor(commit);
    }
    if (!random.chance(0.1)) return;
    const commit = database.commits;
    const waiting = { what: 'a proof of the feed', startedAtMs: time.now(), instance };
    pending.add(waiting);
    void feed.proveNow().then(() => {
      pending.delete(waiting);
      if (instance.isLive) instance.raiseFloor(commit);
    });
  }

  #drawStatements(): WriteStatement[] {
    const { random } = this.#world;
    const place = random.next();
    if (place < 0.55) return [this.#drawUpdate('desk', 1)];
    if (place < 0.65) return [this.#drawUpdate('desk', random.whole(2, 6))];
    if (place < 0.72) return [this.#statement('DELETE', 'desk', random.whole(1, 2))];
    if (place < 0.85) return [this.#statement('INSERT', 'desk', random.whole(1, 6))];
    if (place < 0.9) return [this.#drawUpdate(random.pick(['studio', 'keeper'] as const), 1)];
    if (place < 0.93) return [this.#statement('INSERT', random.pick(['studio', 'keeper'] as const), 2)];
    if (place < 0.95) return this.#drawStudioDeletion();
    if (place < 0.97) return [this.#statement('DELETE', 'desk', 2), this.#statement('INSERT', 'desk', 4)];
    return Array.from({ length: random.whole(2, 3) }, () => this.#drawUpdate('desk', random.whole(1, 3)));
  }

  #drawUpdate(table: Table, count: number): WriteStatement {
    const { random } = this.#world;
    const draw = (): Values => {
      const all = Object.entries(this.#draw(table));
      if (table === 'desk' && random.chance(0.3)) return { [REPORTED_COLUMN]: Math.round(1000 * random.next()) / 10 };
      return Object.fromEntries(random.shuffle(all).slice(0, random.whole(1, 3)));
    };
    return {
      ...this.#statement('UPDATE', table, count),
      rows: this.#drawIds(table, count).map((id) => ({ id, values: draw() })),
    } as WriteStatement;
  }

  #statement(op: 'INSERT' | 'UPDATE' | 'DELETE', table: Table, count: number): WriteStatement {
    const { random, climate } = this.#world;
    const rows = this.#drawIds(table, count).map((id) => ({ id, values: op === 'INSERT' ? this.#draw(table) : {} }));
    const big = new Set(rows.filter(() => climate.bigRows > 0 && random.chance(climate.bigRows)).map(({ id }) => id));
    return { op, table, rows, isBig: (id) => big.has(id), isSplit: random.chance(0.3) };
  }

  /** As `on delete set null` does. */
  #drawStudioDeletion(): WriteStatement[] {
    const { random, database } = this.#world;
    const id = random.pick(IDS.studio);
    const inIt = [...database.rows('desk').values()].filter((row) => row.studio_id === id);
    const rows = inIt.map((row) => ({ id: row.id as string, values: { studio_id: null } }));
    const [isBig, isSplit] = [() => false, random.chance(0.5)];
    return [
      { op: 'DELETE', table: 'studio', rows: [{ id, values: {} }], isBig, isSplit },
      { op: 'UPDATE', table: 'desk', rows, isBig, isSplit },
    ];
  }

  #drawIds(table: Table, count: number): string[] {
    const { random } = this.#world;
    return [...new Set(Array.from({ length: count }, () => random.pickSkewed(IDS[table])))];
  }

  #draw(table: Table): Values {
    const { random } = this.#world;
    if (table !== 'desk') return { name: `${table} ${random.whole(0, 99)}` };
    return {
      label: `desk ${random.whole(0, 20)}`,
      note: random.pick([null, 'é', 'wide', 'NEAR the door']),
      kind: random.pick(['SITTING', 'STANDING']),
      address: random.pick([null, '10.0.0.1', 'fe80::1']),
      is_free: random.chance(0.5),
      seats: random.pick([null, 1, 2, 3, 4]),
      height: random.pick([null, 0, 0.5, 72.25]),
      bought_at: random.pick([null, ...BOUGHT_AT_MS]),
      studio_id: random.pick([null, ...IDS.studio]),
      keeper_id: random.pick([null, ...IDS.keeper]),
    };
  }
}
