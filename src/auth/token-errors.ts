import { errors } from 'jose';
import { StationmasterError } from '../errors.ts';

/** Creates the error for the sender of a bad token. `reason` never quotes the token. */
export function refuseToken(reason: string, cause?: unknown): StationmasterError {
  return new StationmasterError('UNAUTHENTICATED', reason, { cause });
}

/** Turns a failed verification into an error for the client. A `StationmasterError` is returned unchanged. */
export function explainRefusal(error: unknown): StationmasterError {
  if (error instanceof StationmasterError) return error;
  return refuseToken(findReason(error), error);
}

function findReason(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) {
    return CLAIM_REASONS[`${error.claim} ${error.reason}`] ?? CLAIM_REASONS[error.claim] ?? MALFORMED;
  }
  if (error instanceof errors.JOSEError) return REASONS[error.code] ?? NOT_VERIFIABLE;
  return NOT_VERIFIABLE;
}

export const EXPIRED = 'The token has expired.';
const MALFORMED = 'The token is malformed.';
const NOT_VERIFIABLE = 'The token could not be verified.';

const REASONS: Record<string, string> = {
  ERR_JWT_EXPIRED: EXPIRED,
  ERR_JWS_INVALID: MALFORMED,
  ERR_JWT_INVALID: MALFORMED,
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "The token's signature is not valid.",
  ERR_JOSE_ALG_NOT_ALLOWED: "The token's signing algorithm is not accepted.",
  ERR_JWKS_NO_MATCHING_KEY: 'The token is signed with a key its issuer does not publish.',
};

/** Keyed by claim, or by claim and jose's reason. */
const CLAIM_REASONS: Record<string, string> = {
  'exp missing': 'The token has no expiry.',
  'nbf check_failed': 'The token is not valid yet.',
  iss: 'The token comes from another issuer.',
  aud: 'The token is meant for another audience.',
};
