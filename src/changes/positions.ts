import { StationmasterError } from '../errors.ts';
import { systemTimers, type Timers } from '../timers.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { ChangeLog } from './change-log.ts';
import { formatPosition, parsePosition, UNKNOWN } from './place.ts';

export interface PositionsOptions {
  readonly feed: Pick<ChangeFeed, 'state' | 'liveSpan' | 'hasHeard' | 'proveNow'>;
  readonly log: Pick<ChangeLog, 'position'>;
  /** Names the database, so that a position of another one is recognized: `identifyDatabase`. */
  readonly databaseId: () => string;
  /** Default: Node's timers. */
  readonly timers?: Timers;
}

const MAX_WAIT_MS = 1000;

/**
 * Places in the sequence of committed changes, by which a client that wrote on one instance reads its write on another.
 *
 * The position of a write is where the log ended when its instance answered it. The write is at that place or before it,
 * because it is answered once its instance has heard it, and every instance hears all changes in the same order: that of
 * their commits. The position is that of no transaction when the instance may not have heard the write.
 */
export class Positions {
  readonly #feed: PositionsOptions['feed'];
  readonly #log: PositionsOptions['log'];
  readonly #databaseId: () => string;
  readonly #timers: Timers;

  constructor({ feed, log, databaseId, timers = systemTimers }: PositionsOptions) {
    this.#feed = feed;
    this.#log = log;
    this.#databaseId = databaseId;
    this.#timers = timers;
  }

  /**
   * Notes that a write begins.
   * @returns what gives the position once the write is ready to be answered
   */
  follow(): () => string {
    const { liveSpan } = this.#feed;
    return () => {
      // Only a feed that was live from beginning to end has certainly heard the write.
      const isHeard = liveSpan !== 0 && this.#feed.liveSpan === liveSpan;
      return isHeard ? this.#log.position : formatPosition(this.#databaseId(), null);
    };
  }

  /**
   * Whether this instance may answer from its cache after that position: `true` at once when it has heard that far, or has
   * nothing that it could serve as fresh. Otherwise it asks for an echo, and resolves when that is heard, or after 1 s to
   * `false`.
   * @throws {StationmasterError} BAD_USER_INPUT when it is no position, or one of another database
   */
  reach(position: string): true | Promise<boolean> {
    const xid = this.#read(position);
    return this.#isHeard(xid) || this.#waitFor(xid);
  }

  #read(text: string): string {
    const position = parsePosition(text);
    if (!position) throw badPosition('is not a position: send what a mutation answered as extensions.position.');
    if (position.databaseId !== this.#databaseId()) throw badPosition('is a position of another database.');
    return position.xid;
  }

  #isHeard(xid: string): boolean {
    return this.#feed.state !== 'live' || (xid !== UNKNOWN && this.#feed.hasHeard(xid));
  }

  /** An echo is heard after everything that was committed before it was sent, and so after every write that was answered. */
  async #waitFor(xid: string): Promise<boolean> {
    const timedOut = Promise.withResolvers<false>();
    const cancel = this.#timers.after(MAX_WAIT_MS, () => timedOut.resolve(false));
    const proved = this.#feed.proveNow().then(() => xid === UNKNOWN || this.#isHeard(xid));
    const isHeard = await Promise.race([proved, timedOut.promise]);
    cancel();
    return isHeard;
  }
}

function badPosition(what: string): StationmasterError {
  return new StationmasterError('BAD_USER_INPUT', `The position to read after ${what}`, { field: 'readAfter' });
}
