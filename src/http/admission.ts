import type { IncomingMessage } from 'node:http';
import type { Identity } from '../auth/identity.ts';
import { checkRate, type RateLimiter, type Requester } from '../operations/rate-limit.ts';

/** Says who asks, if they may ask now. */
export type Admission = (request: IncomingMessage) => Promise<Identity>;

/**
 * What every HTTP request that has a price goes through first: authentication, then the rate limit. A token that will not
 * do is not anonymous, but its sender's address pays for it, so that nobody can try tokens without end.
 * @param counted requests that somebody else has counted already
 */
export function createAdmission(
  identify: (authorization: string | undefined) => Promise<Identity>,
  limiter: RateLimiter,
  addressOf: (requester: Requester) => string,
  counted: WeakSet<object>,
): Admission {
  return async function admit(request) {
    const identity = await identify(request.headers.authorization).catch((error: unknown) => {
      checkRate(limiter, null, addressOf(request));
      throw error;
    });
    if (!counted.has(request)) checkRate(limiter, identity, addressOf(request));
    return identity;
  };
}
