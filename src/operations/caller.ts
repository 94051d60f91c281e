import type { Identity } from '../auth/identity.ts';
import { checkRate, type RateLimiter, type Sender } from './rate-limit.ts';

/** Who sends a request, as far as the transport can tell. */
export interface Caller extends Sender {
  /** The credentials as they came; `undefined`: none came. */
  readonly authorization: string | undefined;
}

/** Resolves credentials to an identity. See `createAuthenticator` for how it rejects. */
export interface Identify {
  (authorization: string | undefined): Promise<Identity>;
  /** The identity, where it can be told at once; `null`: call the function itself. */
  known?(authorization: string | undefined): Identity | null;
}

/** Decides who asks, and whether they may ask now: for every request that costs something, on every transport. */
export interface Admission {
  /**
   * Establishes who asks. A refused token counts against its address, so that tokens cannot be guessed without limit.
   * @throws {StationmasterError} what `Identify` rejects with, or `RATE_LIMITED`
   */
  identify(caller: Caller): Identity | Promise<Identity>;
  /**
   * `identify`, then counts one operation. Returns at once when the identity is known.
   * @throws {StationmasterError} as `identify`, or `RATE_LIMITED`
   */
  admit(caller: Caller): Identity | Promise<Identity>;
  /**
   * Counts one operation of a caller who was identified before.
   * @throws {StationmasterError} `RATE_LIMITED`
   */
  count(identity: Identity, caller: Caller): void;
}

export function createAdmission(identify: Identify, rates: RateLimiter): Admission {
  const verify = async (caller: Caller): Promise<Identity> => {
    try {
      return await identify(caller.authorization);
    } catch (error) {
      checkRate(rates, null, caller);
      throw error;
    }
  };
  const counted = (identity: Identity, caller: Caller): Identity => {
    checkRate(rates, identity, caller);
    return identity;
  };
  const admission: Admission = {
    identify: (caller) => identify.known?.(caller.authorization) ?? verify(caller),
    admit(caller) {
      const identity = admission.identify(caller);
      if (identity instanceof Promise) return identity.then((verified) => counted(verified, caller));
      return counted(identity, caller);
    },
    count: (identity, caller) => checkRate(rates, identity, caller),
  };
  return admission;
}
