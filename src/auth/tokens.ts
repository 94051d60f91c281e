import { createSecretKey } from 'node:crypto';
import { errors, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify, SignJWT } from 'jose';
import type { Config } from '../config/config.ts';
import { type Identity, ROLES, type Role } from './identity.ts';
import { createPublishedKeys, type PublishedKeysOptions } from './published-keys.ts';
import { EXPIRED, explainRefusal, refuseToken } from './token-errors.ts';

/** Resolves to who a token speaks for. See `createTokenVerifier` for how it fails. */
export type TokenVerifier = (token: string) => Promise<Identity>;

/** How tokens are verified: exactly one of `secret` and `jwksUrl` is set. `resolveAuth` makes sure of that. */
export type TokenVerification = Pick<Config['auth'], 'secret' | 'jwksUrl' | 'issuer' | 'audience'>;

export interface TokenVerifierOptions {
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Makes the signal that ends a fetch of the issuer's keys which takes too long; after three seconds by default. */
  readonly issuerTimeout?: () => AbortSignal;
}

const MAX_TOKEN_BYTES = 8 * 1024;
const ISSUER_TIMEOUT_MS = 3000;
/** For issuers whose clock runs ahead of ours. Expiry gets none: what the token says is what its sockets live by. */
const CLOCK_TOLERANCE_SECONDS = 60;

/**
 * Makes a verifier of JSON Web Tokens: HS256 with `auth.secret`, or RS256, PS256, ES256 and EdDSA with the keys published
 * at `auth.jwksUrl`. Tokens need `exp` and `roles`; `iss` and `aud` are checked where configured; `nbf` and `iat` may lie
 * a minute ahead; roles come back without repeats, in the order of `ROLES`.
 *
 * The verifier rejects with `StationmasterError`: `UNAUTHENTICATED` for every token that will not do, `UNAVAILABLE` when
 * the issuer's keys cannot be fetched.
 *
 * @throws {TypeError} unless exactly one of `secret` and `jwksUrl` is set
 */
export function createTokenVerifier(auth: TokenVerification, options: TokenVerifierOptions = {}): TokenVerifier {
  const { now = Date.now, issuerTimeout = () => AbortSignal.timeout(ISSUER_TIMEOUT_MS) } = options;
  const checkSignature = createSignatureCheck(auth, { now, timeout: issuerTimeout });

  return async function verify(token) {
    // Before anything is computed from it.
    if (Buffer.byteLength(token) > MAX_TOKEN_BYTES) throw refuseToken('The token is longer than 8 KiB.');
    const claims = await checkSignature(token, new Date(now())).catch(rejectExplained);
    return toIdentity(claims, now());
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

function createSignatureCheck(
  { secret, jwksUrl, issuer, audience }: TokenVerification,
  issuerOptions: PublishedKeysOptions,
): SignatureCheck {
  if ((secret === undefined) === (jwksUrl === undefined)) {
    throw new TypeError('Exactly one of secret and jwksUrl must be set to verify tokens.');
  }
  const options: JWTVerifyOptions = {
    algorithms: secret === undefined ? ['RS256', 'PS256', 'ES256', 'EdDSA'] : ['HS256'],
    requiredClaims: ['exp'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  };
  if (jwksUrl !== undefined)
    return checkWithPublishedKeys(createPublishedKeys(new URL(jwksUrl), issuerOptions), options);

  const key = toKey(secret!);
  return async (token, currentDate) => (await jwtVerify(token, key, { ...options, currentDate })).payload;
}

function checkWithPublishedKeys(findKey: JWTVerifyGetKey, options: JWTVerifyOptions): SignatureCheck {
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

function rejectExplained(error: unknown): never {
  throw explainRefusal(error);
}

function toIdentity({ sub = 'unknown', exp, iat, roles }: JWTPayload, nowMs: number): Identity {
  if (typeof sub !== 'string') throw refuseToken("The token's subject is not a text.");
  const expiresAtMs = new Date((exp ?? Number.NaN) * 1000).getTime();
  if (Number.isNaN(expiresAtMs)) throw refuseToken("The token's expiry is not a date.");
  if (expiresAtMs <= nowMs) throw refuseToken(EXPIRED);
  if (iat !== undefined && iat > nowMs / 1000 + CLOCK_TOLERANCE_SECONDS) {
    throw refuseToken('The token was issued later than now.');
  }
  return Object.freeze({ subject: sub, roles: Object.freeze(toRoles(roles)), isAnonymous: false, expiresAtMs });
}

/** Identity providers put roles of other applications beside ours. They grant nothing here. */
function toRoles(claim: unknown): Role[] {
  const roles = Array.isArray(claim) ? ROLES.filter((role) => claim.includes(role)) : [];
  if (roles.length === 0) throw refuseToken('The token names no roles.');
  return roles;
}

function toKey(secret: string) {
  return createSecretKey(Buffer.from(secret));
}
