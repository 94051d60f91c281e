import { LRUCache } from 'lru-cache';
import { AGENT_KEY_PREFIX, type AgentKeys } from '../../auth/agent-keys.ts';
import type { Identity } from '../../auth/identity.ts';
import type { Change, ChangeFeed } from '../../changes/index.ts';
import { batchAcrossRequests } from '../../collections/index.ts';
import type { Database } from '../../database/database.ts';
import { StationmasterError } from '../../errors.ts';
import { KeyEntity } from './agents.entities.ts';
import { hashSecret, isSecret } from './secrets.ts';

export interface FollowedKeysParts {
  readonly database: Pick<Database, 'query'>;
  readonly feed: Pick<ChangeFeed, 'follow' | 'state'>;
  readonly onError: (error: unknown) => void;
}

/** A key as the database has it; the id is its hash. */
interface StoredKey {
  readonly id: string;
  readonly workstation_id: string;
}

/** A search that runs; `isOvertaken`: what it finds may have changed since it was sent. */
interface Search {
  isOvertaken: boolean;
}

const MAX_REMEMBERED = 100_000;

/**
 * Remembers the keys that were used, by their hashes, and hears from the change feed when they end. So a known key costs no
 * SQL, and a revoked one is refused as soon as its announcement is applied. While the feed is not live, nothing is
 * remembered: every use of a key asks the database, as does a key that is not known, all of one turn in one statement.
 */
export class FollowedKeys implements AgentKeys {
  readonly #feed: FollowedKeysParts['feed'];
  readonly #onError: FollowedKeysParts['onError'];
  readonly #find;
  readonly #remembered = new LRUCache<string, Identity>({
    // Bounds the number as `max` would, which takes the memory for all of them at once.
    maxSize: MAX_REMEMBERED,
    sizeCalculation: () => 1,
  });
  readonly #searches = new Map<string, Set<Search>>();
  /** By the hash of the key: who wants to know when it ends. */
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor({ database, feed, onError }: FollowedKeysParts) {
    this.#feed = feed;
    this.#onError = onError;
    this.#find = batchAcrossRequests<StoredKey>((hashes) => database.query('agent-keys', FIND, [hashes]));
    feed.follow({
      onChanges: (changes) => {
        for (const change of changes) if (change.table === KeyEntity.meta.tableName) this.#onChange(change);
      },
      onTruncate: (table) => {
        if (table !== KeyEntity.meta.tableName) return;
        this.#forgetAll();
        void this.#endMissing();
      },
      onGap: () => this.#forgetAll(),
      onLive: () => {
        this.#forgetAll();
        void this.#endMissing();
      },
    });
  }

  known(key: string): Identity | null {
    return (isSecret(key, AGENT_KEY_PREFIX) && this.#remembered.get(hashSecret(key))) || null;
  }

  async find(key: string): Promise<Identity> {
    if (!isSecret(key, AGENT_KEY_PREFIX)) throw badKey();
    const hash = hashSecret(key);
    for (;;) {
      const search = this.#startSearch(hash);
      const found = await this.#ask(hash).finally(() => this.#endSearch(hash, search));
      // Somebody changed it meanwhile: it may have been revoked, and nobody would tell of that again.
      if (search.isOvertaken) continue;
      if (!found) throw badKey();
      const identity = this.#remembered.get(hash) ?? this.#identityOf(found);
      if (this.#feed.state === 'live') this.#remembered.set(hash, identity);
      return identity;
    }
  }

  async #ask(hash: string): Promise<StoredKey | undefined> {
    try {
      return (await this.#find([hash]))[0];
    } catch (cause) {
      throw new StationmasterError('UNAVAILABLE', "The agent's key cannot be verified at the moment.", { cause });
    }
  }

  #identityOf({ id: hash, workstation_id: workstationId }: StoredKey): Identity {
    return Object.freeze({
      subject: `agent:${workstationId}`,
      roles: AGENT_ONLY,
      isAnonymous: false,
      expiresAtMs: null,
      workstationId,
      onRevoked: (listener: () => void) => this.#wait(hash, listener),
    });
  }

  #wait(hash: string, listener: () => void): () => void {
    const waiting = this.#waiting.get(hash) ?? new Set();
    this.#waiting.set(hash, waiting.add(listener));
    return () => {
      waiting.delete(listener);
      if (waiting.size === 0 && this.#waiting.get(hash) === waiting) this.#waiting.delete(hash);
    };
  }

  #onChange({ old, new: row }: Change): void {
    if (old === undefined || row === undefined) {
      // The announcement has no room for the row, so it may be any of them.
      this.#forgetAll();
      void this.#endMissing();
      return;
    }
    const before = old?.key_hash;
    const after = row?.key_hash;
    for (const hash of [before, after]) {
      for (const search of this.#searches.get(hash as string) ?? []) search.isOvertaken = true;
    }
    if (before !== undefined && before !== after) this.#end(before as string);
  }

  #end(hash: string): void {
    this.#remembered.delete(hash);
    const waiting = [...(this.#waiting.get(hash) ?? [])];
    this.#waiting.delete(hash);
    for (const listener of waiting) listener();
  }

  #forgetAll(): void {
    this.#remembered.clear();
    for (const searches of this.#searches.values()) for (const search of searches) search.isOvertaken = true;
  }

  /** Ends the keys that ended while nothing was heard of it, as far as anyone waits for that. */
  async #endMissing(): Promise<void> {
    const hashes = [...this.#waiting.keys()];
    if (hashes.length === 0) return;
    try {
      const found = new Set((await this.#find(hashes)).map(({ id }) => id));
      for (const hash of hashes) if (!found.has(hash)) this.#end(hash);
    } catch (error) {
      // Without an answer they end all: an agent connects again, and is asked for its key.
      this.#onError(error);
      for (const hash of hashes) this.#end(hash);
    }
  }

  #startSearch(hash: string): Search {
    const search = { isOvertaken: false };
    const searches = this.#searches.get(hash) ?? new Set();
    this.#searches.set(hash, searches.add(search));
    return search;
  }

  #endSearch(hash: string, search: Search): void {
    const searches = this.#searches.get(hash)!;
    searches.delete(search);
    if (searches.size === 0) this.#searches.delete(hash);
  }
}

const FIND = 'select key_hash as id, workstation_id from agent_key where key_hash = any($1::text[])';

const AGENT_ONLY = Object.freeze(['AGENT'] as const);

function badKey(): StationmasterError {
  return new StationmasterError('UNAUTHENTICATED', "The agent's key is not known, or has been revoked.");
}
