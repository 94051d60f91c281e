import { LRUCache } from 'lru-cache';
import type { Identity, Role } from './identity.ts';
import { refuseToken } from './token-errors.ts';
import type { TokenVerifier } from './tokens.ts';

/** Resolves to who is asking. See `createAuthenticator` for how it fails. */
export interface Authenticator {
  (authorization: unknown): Promise<Identity>;
  /** Who is asking, where that is known already, as it is of most requests. `null`: call the function itself. */
  known(authorization: unknown): Identity | null;
}

export interface AuthenticatorOptions {
  readonly verify: TokenVerifier;
  readonly anonymousRole: Role | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** How many verified tokens are remembered. */
  readonly maxRemembered?: number;
}

const MAX_REMEMBERED = 10_000;
const MAX_REMEMBERED_CHARACTERS = 8 * 1024 * 1024;
/** How long what a verified token says is taken for granted: its key may be withdrawn. */
const TRUST_MS = 60_000;

/**
 * Makes the function that turns an `Authorization` header, or a socket's `connectionParams.authorization`, into an
 * identity. `undefined` is an anonymous request; anything else must be `Bearer <token>` with a token that verifies, and
 * never falls back to anonymous.
 *
 * A token that verified is remembered for a minute, and not beyond its expiry; one that did not is verified anew.
 *
 * The function rejects with `StationmasterError`: `UNAUTHENTICATED`, or what `verify` rejects with.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { verify, anonymousRole, now = Date.now, maxRemembered = MAX_REMEMBERED } = options;
  const anonymous: Identity = Object.freeze({
    subject: 'anonymous',
    roles: Object.freeze(anonymousRole === undefined ? [] : [anonymousRole]),
    isAnonymous: true,
    expiresAtMs: null,
  });
  // By the whole header as it came, which is several times cheaper to look up than a part or a hash of it.
  const remembered = new LRUCache<string, { identity: Identity; trustedUntilMs: number }>({
    max: maxRemembered,
    maxSize: MAX_REMEMBERED_CHARACTERS,
    sizeCalculation: (_entry, header) => header.length,
  });

  async function identify(authorization: unknown): Promise<Identity> {
    const identity = known(authorization);
    if (identity !== null) return identity;
    const header = typeof authorization === 'string' ? authorization : '';
    const token = /^Bearer +([^ ]+) *$/i.exec(header)?.[1];
    if (token === undefined) throw refuseToken('The authorization must be of the form "Bearer <token>".');
    const checkedAtMs = now();
    const verified = await verify(token);
    const trustedUntilMs = Math.min(verified.expiresAtMs ?? 0, checkedAtMs + TRUST_MS);
    remembered.set(header, { identity: verified, trustedUntilMs });
    return verified;
  }

  function known(authorization: unknown): Identity | null {
    if (authorization === undefined) return anonymous;
    const found = typeof authorization === 'string' ? remembered.get(authorization) : undefined;
    return found !== undefined && now() < found.trustedUntilMs ? found.identity : null;
  }

  return Object.assign(identify, { known });
}
