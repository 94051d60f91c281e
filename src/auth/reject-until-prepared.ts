import { StationmasterError } from '../errors.ts';
import type { Authenticator } from './authenticator.ts';

/** The stage of the server's life. */
export interface Stage {
  current: 'starting' | 'waiting for the database' | 'running' | 'stopping';
}

/** Whether requests could find a database without tables. */
function isUnprepared({ current }: Stage): boolean {
  return current === 'starting' || current === 'waiting for the database';
}

/** Rejects all callers until the database is prepared. */
export function rejectUntilPrepared(authenticate: Authenticator, stage: Stage): Authenticator {
  const identify = (authorization: unknown) => {
    if (!isUnprepared(stage)) return authenticate(authorization);
    const message = `The server is ${stage.current}; try again.`;
    return Promise.reject(new StationmasterError('UNAVAILABLE', message));
  };
  const known: Authenticator['known'] = (authorization) =>
    isUnprepared(stage) ? null : authenticate.known(authorization);
  return Object.assign(identify, { known });
}
