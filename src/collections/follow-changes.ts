import type { Cache } from '../cache/index.ts';
import type { Announced, Change, ChangeFeed } from '../changes/index.ts';
import { createAnnouncer } from './collections.ts';
import type { AnyCollection } from './definition/collection.ts';

/** The change that removals from the cache are attributed to. It keeps nothing of the row. */
export class ChangeOrigin {
  readonly announced: Announced;
  /** How many rows of the message come before its row, and with it. */
  readonly rows: number;
  readonly #op: Change['op'] | 'TRUNCATE';
  readonly #table: string;
  readonly #id: string | undefined;

  constructor(
    { op, table, id }: Pick<Change, 'table'> & { op: Change['op'] | 'TRUNCATE'; id?: string },
    announced: Announced,
    rows: number,
  ) {
    this.announced = announced;
    this.rows = rows;
    this.#op = op;
    this.#table = table;
    this.#id = id;
  }

  toString(): string {
    return `${this.#op} of ${this.#table}${this.#id === undefined ? '' : ` ${this.#id}`}`;
  }
}

/**
 * Keeps the cache in step with the database. It has to follow the feed before anything else does, so that everything that
 * hears of a change later finds the cache up to date.
 */
export function followChanges(feed: ChangeFeed, cache: Cache, definitions: readonly AnyCollection[]): void {
  const { secondTier } = cache;
  const announcementOf = createAnnouncer(definitions);
  if (feed.state !== 'live') cache.suspend();
  feed.follow({
    onChanges: (changes, announced) => {
      for (let row = 0; row < changes.length; row++) {
        const change = changes[row]!;
        const announcement = announcementOf(change, announced.xid);
        if (announcement) cache.announce(announcement, new ChangeOrigin(change, announced, row + 1));
      }
    },
    onTruncate: (table, announced) => {
      cache.clear(new ChangeOrigin({ op: 'TRUNCATE', table }, announced, 1));
      secondTier?.rejoin();
    },
    onCommand: (command) => {
      switch (command.command) {
        case 'clearCache':
        case 'invalidateCache':
          // Each instance, the sender included, has to hear of it before it asks the others.
          secondTier?.rejoin();
          break;
        case 'sync':
        case 'synced':
          secondTier?.receive(command);
      }
    },
    onGap: () => cache.suspend(),
    onLive: () => cache.resume('the start of the change feed, before which changes may have been missed'),
  });
}
