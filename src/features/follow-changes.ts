import type { Announcement, Cache } from '../cache/index.ts';
import type { Change, ChangeFeed } from '../changes/index.ts';
import { managerAnnouncement } from './manager/index.ts';
import { workstationAnnouncement } from './workstation/index.ts';

const ANNOUNCEMENT_OF: Record<string, (change: Change) => Announcement> = {
  manager: managerAnnouncement,
  workstation: workstationAnnouncement,
};

/**
 * Keeps the cache in step with the database. Followed before anything else is, so that whoever hears of a change after it
 * finds the cache up to date.
 */
export function followChanges(feed: ChangeFeed, cache: Cache): void {
  const { secondTier } = cache;
  if (feed.state !== 'live') cache.suspend();
  feed.follow({
    onChanges: (changes) => {
      for (const change of changes) {
        const toAnnouncement = ANNOUNCEMENT_OF[change.table];
        if (toAnnouncement) cache.announce(toAnnouncement(change));
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
          // Here for all instances, the one that sent it included: each has to hear of it before it asks the others.
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
