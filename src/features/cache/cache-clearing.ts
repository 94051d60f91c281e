import type { Cache } from '../../cache/index.ts';
import type { ChangeFeed, Command } from '../../changes/index.ts';
import type { ClearCacheResult, InvalidateCacheResult } from './cache.type.ts';

export interface CacheClearingOptions {
  readonly cache: Cache;
  readonly feed: ChangeFeed;
  readonly instanceId: string;
  readonly onError: (error: unknown) => void;
}

/** What admins do to the caches of all instances. */
export class CacheClearing {
  readonly #options: CacheClearingOptions;

  constructor(options: CacheClearingOptions) {
    this.#options = options;
    options.feed.follow({ onCommand: (command) => this.#obey(command) });
  }

  /** Removes everything, here before it returns and on the other instances as soon as they hear of it. */
  async clearCache(): Promise<ClearCacheResult> {
    const entriesRemoved = this.#options.cache.clear('clearCache');
    await this.#tellOthers({ command: 'clearCache', from: this.#options.instanceId });
    return {
      message: `The cache was cleared: ${countOf(entriesRemoved)} removed.`,
      entriesRemoved,
      timestamp: new Date(),
    };
  }

  /**
   * Removes what a glob selects, here before it returns and on the other instances as soon as they hear of it.
   * @throws {PatternError} when the pattern is blank or too long
   */
  async invalidateCache(pattern: string): Promise<InvalidateCacheResult> {
    const keys: string[] = [];
    const entriesRemoved = this.#options.cache.invalidate(pattern, originOf(pattern), keys);
    await this.#tellOthers({ command: 'invalidateCache', pattern, from: this.#options.instanceId });
    const message = `Removed ${countOf(entriesRemoved)} matching ${pattern}.`;
    return { message, pattern, entriesRemoved, keys, timestamp: new Date() };
  }

  /**
   * What `invalidateCache` would answer, without doing it.
   * @throws {PatternError} when the pattern is blank or too long
   */
  async previewInvalidation(pattern: string): Promise<InvalidateCacheResult> {
    const { count, keys } = await this.#options.cache.inspection.select(pattern);
    const message = `Would remove ${countOf(count)} matching ${pattern}.`;
    return { message, pattern, entriesRemoved: count, keys, timestamp: new Date() };
  }

  /** Also those of this instance: what was announced before them may have come in since, and be older than the order. */
  #obey(command: Command): void {
    const { cache } = this.#options;
    if (command.command === 'clearCache') cache.clear('clearCache');
    if (command.command === 'invalidateCache') cache.invalidate(command.pattern, originOf(command.pattern));
  }

  // An instance that cannot be told has lost the feed, and drops everything before it serves from its cache again.
  async #tellOthers(command: Command): Promise<void> {
    await this.#options.feed.send(command).catch(this.#options.onError);
  }
}

/** To what the log of removals attributes what a pattern removes. */
function originOf(pattern: string): string {
  return `invalidateCache(pattern: ${JSON.stringify(pattern)})`;
}

function countOf(entries: number): string {
  return entries === 1 ? '1 entry' : `${entries} entries`;
}
