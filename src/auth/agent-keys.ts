import type { Identity } from './identity.ts';

/** What the keys of agents begin with, so that they are told from tokens, and found where they leaked. */
export const AGENT_KEY_PREFIX = 'smk_';

/** Verifies the keys of agents. */
export interface AgentKeys {
  /** The identity that a key stands for, if it is remembered, as for most requests. On `null` call `find`. */
  known(key: string): Identity | null;
  /**
   * The identity that a key stands for, in the database if need be.
   * @throws {StationmasterError} as a rejection: UNAUTHENTICATED for a key that is unknown or was revoked, UNAVAILABLE without
   *   the database
   */
  find(key: string): Promise<Identity>;
}

export function isAgentKey(token: string): boolean {
  return token.startsWith(AGENT_KEY_PREFIX);
}
