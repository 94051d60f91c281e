import { createSecretKey, hash } from 'node:crypto';
import {
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
  SignJWT,
} from 'jose';
import { LRUCache } from 'lru-cache';
import type { Config } from '../config.ts';
import { StationmasterError } from '../errors.ts';
import { type Identity, ROLES, type Role } from './identity.ts';
import { explainRefusal, refuseToken } from './token-errors.ts';

/** Resolves to who a token speaks for. See `createTokenVerifier` for how it fails. */
export type TokenVerifier = (token: string) => Promise<Identity>;

/** How tokens are verified: exactly one of `secret` and `jwksUrl` is set. `resolveAuth` makes sure of that. */
export type TokenVerification = Pick<Config['auth'], 'secret' | 'jwksUrl' | 'issuer' | 'audience'>;

const MAX_TOKEN_BYTES = 8 * 1024;
const MAX_REMEMBERED_TOKENS = 10_000;
/** How long a signature that was checked is taken for granted: as long as jose keeps the issuer's keys. */
const SIGNATURE_TRUST_MS = 10 * 60 * 1000;
/** For issuers whose clock runs ahead of ours. Expiry gets none: what the token says is what its sockets live by. */
const NOT_BEFORE_TOLERANCE_SECONDS = 30;

/**
 * Makes a verifier of JSON Web Tokens: HS256 with `auth.secret`, or RS256, PS256, ES256 and EdDSA with the keys published
 * at `auth.jwksUrl`. Tokens need `exp` and `roles`; `iss` and `aud` are checked where configured; roles come back
 * without repeats, in the order of `ROLES`.
 *
 * A verified token is remembered, so its signature is not checked again for ten minutes; its expiry is, every time. A
 * key withdrawn by the issuer may therefore count for up to twenty minutes more: jose keeps keys for ten as well.
 *
 * The verifier rejects with `StationmasterError`: `UNAUTHENTICATED` for every token that will not do, `UNAVAILABLE` when
 * the issuer's keys cannot be fetched. `now` is in milliseconds since the epoch.
 *
 * @throws {TypeError} unless exactly one of `secret` and `jwksUrl` is set
 */
export function createTokenVerifier(
  auth: TokenVerification,
  { now = Date.now }: { now?: () => number } = {},
): TokenVerifier {
  const checkSignature = createSignatureCheck(auth);
  const remembered = new LRUCache<string, { identity: Identity; checkedAtMs: number }>({ max: MAX_REMEMBERED_TOKENS });

  async function verify(token: string): Promise<Identity> {
    if (Buffer.byteLength(token) > MAX_TOKEN_BYTES) throw refuseToken('The token is longer than 8 KiB.');
    // Hashed, so that tokens neither lie about in memory nor are compared character by character.
    const key = hash('sha256', token, 'base64');
    const known = remembered.get(key);
    if (known !== undefined && now() - known.checkedAtMs < SIGNATURE_TRUST_MS) return refuseExpired(known.identity);

    const checkedAtMs = now();
    const identity = toIdentity(await checkSignature(token, new Date(checkedAtMs)).catch(rejectExplained));
    refuseExpired(identity);
    remembered.set(key, { identity, checkedAtMs });
    return identity;
  }

  function refuseExpired(identity: Identity): Identity {
    if (identity.expiresAtMs !== null && identity.expiresAtMs <= now()) throw refuseToken('The token has expired.');
    return identity;
  }

  return verify;
}

/**
 * Makes the function that turns an `Authorization` header, or a socket's `connectionParams.authorization`, into an
 * identity. `undefined` is an anonymous request; anything else must be `Bearer <token>` with a token that verifies, and
 * never falls back to anonymous.
 *
 * The function rejects with `StationmasterError`: `UNAUTHENTICATED`, or what `verify` rejects with.
 */
export function createAuthenticator({
  verify,
  anonymousRole,
}: {
  verify: TokenVerifier;
  anonymousRole: Role | undefined;
}): (authorization: unknown) => Promise<Identity> {
  const anonymous = freezeIdentity({
    subject: 'anonymous',
    roles: anonymousRole === undefined ? [] : [anonymousRole],
    isAnonymous: true,
    expiresAtMs: null,
  });

  return async function identify(authorization) {
    if (authorization === undefined) return anonymous;
    const token = typeof authorization === 'string' ? /^Bearer +([^ ]+) *$/i.exec(authorization)?.[1] : undefined;
    if (token === undefined) throw refuseToken('The authorization must be of the form "Bearer <token>".');
    return verify(token);
  };
}

/** Signs a token that `createTokenVerifier` with the same secret, issuer and audience accepts. */
export function signToken(claims: {
  secret: string;
  roles: readonly Role[];
  subject: string;
  expiresInSeconds: number;
  issuer?: string | undefined;
  audience?: string | undefined;
  /** Milliseconds since the epoch. */
  now?: () => number;
}): Promise<string> {
  const issuedAtSeconds = Math.floor((claims.now ?? Date.now)() / 1000);
  const token = new SignJWT({ roles: claims.roles })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(claims.subject)
    .setIssuedAt(issuedAtSeconds)
    .setExpirationTime(issuedAtSeconds + claims.expiresInSeconds);
  if (claims.issuer !== undefined) token.setIssuer(claims.issuer);
  if (claims.audience !== undefined) token.setAudience(claims.audience);
  return token.sign(toKey(claims.secret));
}

type SignatureCheck = (token: string, currentDate: Date) => Promise<JWTPayload>;

function createSignatureCheck({ secret, jwksUrl, issuer, audience }: TokenVerification): SignatureCheck {
  if ((secret === undefined) === (jwksUrl === undefined)) {
    throw new TypeError('Exactly one of secret and jwksUrl must be set to verify tokens.');
  }
  const options: JWTVerifyOptions = {
    algorithms: secret === undefined ? ['RS256', 'PS256', 'ES256', 'EdDSA'] : ['HS256'],
    requiredClaims: ['exp'],
    clockTolerance: NOT_BEFORE_TOLERANCE_SECONDS,
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  };
  if (jwksUrl !== undefined) return checkWithPublishedKeys(new URL(jwksUrl), options);

  const key = toKey(secret!);
  return async (token, currentDate) => (await jwtVerify(token, key, { ...options, currentDate })).payload;
}

function checkWithPublishedKeys(url: URL, options: JWTVerifyOptions): SignatureCheck {
  const findKey = reportUnavailable(createRemoteJWKSet(url));
  return async (token, currentDate) => {
    try {
      return (await jwtVerify(token, findKey, { ...options, currentDate })).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      return await tryEachKey(token, error, { ...options, currentDate });
    }
  };
}

/** Tokens without a `kid` fit several keys while an issuer rotates them; one of them is the right one. */
async function tryEachKey(
  token: string,
  candidates: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  for await (const key of candidates) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

/** Tells a token whose key does not exist, which is its sender's matter, from an issuer who cannot be asked. */
function reportUnavailable(findKey: JWTVerifyGetKey): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await findKey(header, token);
    } catch (error) {
      if (TOKEN_AT_FAULT.some((type) => error instanceof type)) throw error;
      throw new StationmasterError('UNAVAILABLE', "The token issuer's keys cannot be fetched at the moment.", {
        cause: error,
      });
    }
  };
}

const TOKEN_AT_FAULT = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

function rejectExplained(error: unknown): never {
  throw explainRefusal(error);
}

function toIdentity({ sub = 'unknown', exp, roles }: JWTPayload): Identity {
  if (typeof sub !== 'string') throw refuseToken("The token's subject is not a text.");
  const expiresAtMs = new Date((exp ?? Number.NaN) * 1000).getTime();
  if (Number.isNaN(expiresAtMs)) throw refuseToken("The token's expiry is not a date.");
  return freezeIdentity({ subject: sub, roles: toRoles(roles), isAnonymous: false, expiresAtMs });
}

function toRoles(claim: unknown): Role[] {
  if (!Array.isArray(claim) || claim.length === 0) throw refuseToken('The token names no roles.');
  if (!claim.every((role) => ROLES.includes(role))) throw refuseToken('The token names an unknown role.');
  return ROLES.filter((role) => claim.includes(role));
}

function freezeIdentity(identity: Identity): Identity {
  Object.freeze(identity.roles);
  return Object.freeze(identity);
}

function toKey(secret: string) {
  return createSecretKey(Buffer.from(secret));
}
