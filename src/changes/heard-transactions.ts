import { Snapshot } from './snapshot.ts';

/** Which message of a transaction to wait for: the last one of its only announcing statement, or its mark. */
export type Scope = 'statement' | 'transaction';

const MAX_ACKNOWLEDGED = 4096;

/**
 * The transactions of which everything was heard, and the writers that wait for theirs.
 *
 * Their numbers are those of one server. After a gap, which may have led to another one, they have to be forgotten.
 */
export class HeardTransactions {
  readonly #acknowledged = new Map<string, true>();
  readonly #waiting = new Map<string, { readonly xid: string; readonly resolve: (() => void)[] }>();
  #lastStatement: string | undefined;
  #snapshot: Snapshot | undefined;

  /** Notes the message that `scope` means. */
  // It often arrives before the writer knows that its commit succeeded, so it is remembered for a while.
  acknowledge(xid: string, scope: Scope): void {
    if (scope === 'statement') this.#lastStatement = xid;
    const id = `${scope} ${xid}`;
    this.#acknowledged.set(id, true);
    if (this.#acknowledged.size > MAX_ACKNOWLEDGED) {
      const [oldest] = this.#acknowledged.keys();
      this.#acknowledged.delete(oldest!);
    }
    this.#release(id);
  }

  /** Notes that everything was heard that had been committed when the snapshot was taken. */
  observeSnapshot(text: string): void {
    const snapshot = new Snapshot(text);
    this.#snapshot = snapshot;
    for (const [id, { xid }] of this.#waiting) {
      if (snapshot.sees(xid)) this.#release(id);
    }
  }

  /** Whether the message that `scope` means was heard. */
  hasHeardMessage(xid: string, scope: Scope): boolean {
    return this.#acknowledged.has(`${scope} ${xid}`) || (this.#snapshot?.sees(xid) ?? false);
  }

  /** Whether everything of the transaction was heard. More may follow the statement that was acknowledged last. */
  hasHeardAll(xid: string): boolean {
    if (this.hasHeardMessage(xid, 'transaction')) return true;
    return this.#lastStatement !== xid && this.#acknowledged.has(`statement ${xid}`);
  }

  /** Calls `resolve` when the message is heard, or at `forget`. */
  wait(xid: string, scope: Scope, resolve: () => void): void {
    const id = `${scope} ${xid}`;
    const waiting = this.#waiting.get(id);
    if (waiting) waiting.resolve.push(resolve);
    else this.#waiting.set(id, { xid, resolve: [resolve] });
  }

  /** Forgets everything. Those who wait go on. */
  forget(): void {
    this.#acknowledged.clear();
    this.#lastStatement = undefined;
    this.#snapshot = undefined;
    for (const id of [...this.#waiting.keys()]) this.#release(id);
  }

  #release(id: string): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    for (const resolve of waiting?.resolve ?? []) resolve();
  }
}
