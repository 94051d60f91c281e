import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { StationmasterError } from '../errors.ts';

export interface PublishedKeysOptions {
  /** Milliseconds, from any starting point. */
  readonly now: () => number;
  /** Creates the signal that ends a fetch which takes too long. */
  readonly timeout: () => AbortSignal;
}

interface KeySet {
  readonly find: ReturnType<typeof createLocalJWKSet>;
  readonly fetchedAtMs: number;
}

interface Fetch {
  readonly startedAtMs: number;
  readonly done: Promise<void>;
  outcome: 'pending' | 'succeeded' | 'failed';
}

/** How long keys are used before they are fetched again. */
const FRESH_MS = 5 * 60 * 1000;
/** How long keys are used while the issuer cannot be reached, so that its outage is not ours. */
const TRUSTED_MS = 60 * 60 * 1000;
/** The shortest time between two fetches caused by tokens with an unknown key, which anyone can make. */
const COOLDOWN_MS = 10_000;
/** The shortest time between a failed fetch and the next one. */
const RETRY_MS = 1000;

/**
 * Finds the key of a token among those published at `url` (RFC 7517); the function suits jose's `jwtVerify`. Keys are
 * fetched when first needed, again when they are five minutes old, and again when a token names a key that is not among
 * them, but then not within ten seconds of the previous fetch. Concurrent callers share one fetch.
 *
 * While the issuer cannot be reached, the keys fetched last are used for up to an hour. Only the callers that start or
 * join the first failing fetch wait for it; later callers use the old keys at once.
 *
 * The function rejects with jose's errors about the token, or with `StationmasterError` `UNAVAILABLE`.
 */
export function createPublishedKeys(url: URL, { now, timeout }: PublishedKeysOptions): JWTVerifyGetKey {
  let keys: KeySet | undefined;
  let latest: Fetch | undefined;

  async function findKey(...[header, token]: Parameters<JWTVerifyGetKey>) {
    const current = await currentKeys();
    try {
      return await current.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh();
      return keys!.find(header, token);
    }
  }

  async function currentKeys(): Promise<KeySet> {
    if (keys !== undefined && ageMs(keys) < FRESH_MS) return keys;
    const hasFailed = latest?.outcome === 'failed';
    const refreshed = refresh();
    if (keys === undefined || ageMs(keys) >= TRUSTED_MS) await refreshed;
    else if (hasFailed) refreshed.catch(() => {});
    else await refreshed.catch(() => {});
    return keys!;
  }

  /** Resolves when a fetch ends: the running one, a new one, or the previous one if that is too recent to repeat. */
  function refresh(): Promise<void> {
    if (latest === undefined || mayAskAgain(latest)) latest = startFetch();
    return latest.done;
  }

  function mayAskAgain({ outcome, startedAtMs }: Fetch): boolean {
    if (outcome === 'pending') return false;
    return now() - startedAtMs >= (outcome === 'failed' ? RETRY_MS : COOLDOWN_MS);
  }

  function startFetch(): Fetch {
    const startedAtMs = now();
    const done = fetchKeys(url, timeout()).then(
      (find) => {
        keys = { find, fetchedAtMs: startedAtMs };
        started.outcome = 'succeeded';
      },
      (cause) => {
        started.outcome = 'failed';
        throw new StationmasterError('UNAVAILABLE', "The token issuer's keys cannot be fetched at the moment.", {
          cause,
        });
      },
    );
    const started: Fetch = { startedAtMs, done, outcome: 'pending' };
    return started;
  }

  function ageMs({ fetchedAtMs }: KeySet): number {
    return now() - fetchedAtMs;
  }

  return findKey;
}

async function fetchKeys(url: URL, signal: AbortSignal): Promise<KeySet['find']> {
  const response = await fetch(url, {
    headers: { accept: 'application/json, application/jwk-set+json' },
    redirect: 'error',
    signal,
  });
  if (response.status !== 200) throw new Error(`The issuer answers with ${response.status}.`);
  return createLocalJWKSet((await response.json()) as JSONWebKeySet);
}
