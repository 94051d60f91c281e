import { type Client, createClient, type ExecutionResult } from 'graphql-ws';
import WebSocket from 'ws';
import type { Role } from '../../src/auth/identity.ts';
import type { TestApp } from './test-app.ts';

/** A subscription whose events wait in a queue until the test asks for them. */
export interface TestSubscription {
  next(): Promise<ExecutionResult<Record<string, any>>>;
  stop(): Promise<void>;
}

export interface TestSocket {
  readonly client: Client;
  subscribe(document: string, variables?: Record<string, unknown>): TestSubscription;
  close(): Promise<void>;
}

/** Connects as a subscription client does; `null`: without a token. */
export async function connectSocket({ app, token }: TestApp, role: Role | null = 'ADMIN'): Promise<TestSocket> {
  const connectionParams = role ? { authorization: `Bearer ${await token(role)}` } : {};
  const client = createClient({
    url: `${app.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams,
    lazy: true,
    retryAttempts: 0,
  });
  return {
    client,
    subscribe(query, variables) {
      const events = client.iterate<Record<string, any>>({ query, variables });
      return {
        next: async () => (await events.next()).value,
        stop: async () => void (await events.return!()),
      };
    },
    close: async () => void (await client.dispose()),
  };
}
