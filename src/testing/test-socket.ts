import { type Client, createClient, type ExecutionResult } from 'graphql-ws';
import WebSocket from 'ws';

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever its document selects.
export type TestEvent = ExecutionResult<Record<string, any>>;

/** A subscription that queues its events until the test asks for them. */
export interface TestSubscription {
  /**
   * Resolves to the next event, waiting for it if none is queued. A refusal by a resolver is an event with `errors`.
   * @throws the GraphQL errors, as an array, when the document is invalid
   */
  next(): Promise<TestEvent>;
  /** Ends the subscription. Events that were not read are lost. */
  stop(): Promise<void>;
}

/** One WebSocket connection with the protocol `graphql-transport-ws`. It opens with the first subscription. */
export interface TestSocket {
  readonly client: Client;
  subscribe(document: string, variables?: Record<string, unknown>): TestSubscription;
  close(): Promise<void>;
}

/**
 * Connects as a subscription client does.
 * @param url the application's, `http://127.0.0.1:4000`
 * @param token sent with `connection_init`; without it the connection is anonymous
 */
export function openSocket(url: string, token: string | null): TestSocket {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: token === null ? {} : { authorization: `Bearer ${token}` },
    lazy: true,
    retryAttempts: 0,
  });
  return {
    client,
    subscribe(query, variables) {
      // biome-ignore lint/suspicious/noExplicitAny: as above
      const events = client.iterate<Record<string, any>>({ query, variables });
      return {
        next: async () => (await events.next()).value,
        stop: async () => void (await events.return!()),
      };
    },
    close: async () => void (await client.dispose()),
  };
}
