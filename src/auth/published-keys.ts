import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { StationmasterError } from '../errors.ts';

export interface PublishedKeysOptions {
  /** Milliseconds, of a clock that runs as the issuer's does. */
  readonly now: () => number;
  /** Makes the signal that ends a fetch which takes too long. */
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

/** How long keys are used without asking for them again. */
const FRESH_MS = 5 * 60 * 1000;
/** How long they count when the issuer cannot be asked: its bad hour need not be ours. */
const TRUSTED_MS = 60 * 60 * 1000;
/** How soon the issuer is asked again, by tokens that name a key it did not publish last time. Anyone can make such. */
const COOLDOWN_MS = 10_000;
/** How soon it is asked again after it gave no answer. */
const RETRY_MS = 1000;

/**
 * Finds the keys that tokens are signed with among those published at `url` (RFC 7517), as jose's `jwtVerify` asks for
 * them. They are fetched when first needed, again when five minutes old, and when a token names one that is not among
 * them, though not within ten seconds of the last time. Callers share one fetch.
 *
 * While the issuer cannot be asked, the keys it published last count for an hour. The first to notice wait until the
 * fetch is given up, the others not at all.
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

  /** Resolves to the issuer's answer, or to its last one if that is too recent to ask again. */
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
