import type { Cache } from '../cache/index.ts';
import type { ChangeFeed } from '../changes/index.ts';
import { createAnnouncer } from './collections.ts';
import type { AnyCollection } from './definition/collection.ts';

/**
 * Keeps the cache in step with the database. It has to follow the feed before anything else does, so that everything that
 * hears of a change later finds the cache up to date.
 */
export function followChanges(feed: ChangeFeed, cache: Cache, definitions: readonly AnyCollection[]): void {
  const { secondTier } = cache;
  const announcementOf = createAnnouncer(definitions);
  if (feed.state !== 'live') cache.suspend();
  feed.follow({
    onChanges: (changes, { xid }) => {
      for (const change of changes) {
        const announcement = announcementOf(change, xid);
        if (announcement) cache.announce(announcement);
      }
    },
    onTruncate: () => {
      cache.clear();
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
    onLive: () => cache.resume(),
  });
}
