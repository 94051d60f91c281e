import { LRUCache } from 'lru-cache';
import { type AgentKeys, isAgentKey } from './agent-keys.ts';
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
  /** Verifies the keys of agents. Without it they are refused as tokens that cannot be verified. */
  readonly agentKeys?: AgentKeys | undefined;
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
 * identity. `undefined` is an anonymous request. Anything else must be `Bearer <token>` with a valid token or the key of an
 * agent; a request with an invalid one is never treated as anonymous.
 *
 * A valid token is remembered for a minute, but not beyond its expiry. An invalid one is verified again each time. Keys are
 * remembered by `agentKeys`, which hears when they are revoked.
 *
 * The function rejects with `StationmasterError`: `UNAUTHENTICATED`, or whatever `verify` rejects with.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { verify, agentKeys, anonymousRole, now = Date.now, maxRemembered = MAX_REMEMBERED } = options;
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
    const token = tokenIn(header);
    if (token === undefined) throw refuseToken('The authorization must be of the form "Bearer <token>".');
    if (agentKeys && isAgentKey(token)) return agentKeys.find(token);
    const checkedAtMs = now();
    const verified = await verify(token);
    const trustedUntilMs = Math.min(verified.expiresAtMs ?? 0, checkedAtMs + TRUST_MS);
    remembered.set(header, { identity: verified, trustedUntilMs });
    return verified;
  }

  function known(authorization: unknown): Identity | null {
    if (authorization === undefined) return anonymous;
    if (typeof authorization !== 'string') return null;
    const found = remembered.get(authorization);
    if (found !== undefined) return now() < found.trustedUntilMs ? found.identity : null;
    const token = agentKeys && tokenIn(authorization);
    return token !== undefined && isAgentKey(token) ? agentKeys!.known(token) : null;
  }

  return Object.assign(identify, { known });
}

function tokenIn(header: string): string | undefined {
  return /^Bearer +([^ ]+) *$/i.exec(header)?.[1];
}
