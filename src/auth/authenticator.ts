import { LRUCache } from 'lru-cache';
import type { Identity, Role } from './identity.ts';
import { refuseToken } from './token-errors.ts';
import type { TokenVerifier } from './tokens.ts';

/** Resolves to the caller's identity. `createAuthenticator` says how it fails. */
export interface Authenticator {
  (authorization: unknown): Promise<Identity>;
  /** Returns the identity if it is remembered, as for most requests. On `null` call the function itself. */
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
/** How long a verified token is accepted without another verification. Meanwhile the issuer may withdraw its key. */
const TRUST_MS = 60_000;

/**
 * Creates the function that turns an `Authorization` header, or a socket's `connectionParams.authorization`, into an
 * identity. `undefined` is an anonymous request. Anything else must be `Bearer <token>` with a valid token; a request with
 * an invalid token is never treated as anonymous.
 *
 * A valid token is remembered for a minute, but not beyond its expiry. An invalid one is verified again each time.
 *
 * The function rejects with `StationmasterError`: `UNAUTHENTICATED`, or whatever `verify` rejects with.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { verify, anonymousRole, now = Date.now, maxRemembered = MAX_REMEMBERED } = options;
  const anonymous: Identity = Object.freeze({
    subject: 'anonymous',
    roles: Object.freeze(anonymousRole === undefined ? [] : [anonymousRole]),
    isAnonymous: true,
    expiresAtMs: null,
  });
  // Keyed by the whole header: looking that up costs several times less than extracting or hashing the token.
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
