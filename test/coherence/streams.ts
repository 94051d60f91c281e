import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { openStream } from '../support/result-stream.ts';

export type Transport = 'websocket' | 'sse';

/** An operation that is answered more than once. */
export interface StreamedOperation {
  readonly url: string;
  readonly token: string;
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  /** After which position the stream goes on, as `Last-Event-ID`: of server-sent events only. */
  readonly lastEventId?: string | null;
  readonly onResult: (result: StreamedResult, eventId?: string) => void;
}

export interface StreamedResult {
  readonly data?: any;
  readonly errors?: readonly unknown[];
  readonly extensions?: { readonly stale?: boolean };
}

/** Receives the results until the stream ends for whatever reason, or `signal` cuts it off. Never rejects. */
export function receive(transport: Transport, operation: StreamedOperation, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return transport === 'sse' ? receiveEvents(operation, signal) : receiveMessages(operation, signal);
}

function receiveMessages({ url, token, query, variables, onResult }: StreamedOperation, signal: AbortSignal) {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  return new Promise<void>((resolve) => {
    const end = () => {
      signal.removeEventListener('abort', cutOff);
      // `dispose` waits for a pending connection, and fails with it.
      Promise.resolve(client.dispose()).catch(() => {});
      resolve();
    };
    let socket: WebSocket | null = null;
    const cutOff = () => {
      socket?.terminate();
      end();
    };
    signal.addEventListener('abort', cutOff);
    client.on('opened', (opened) => {
      socket = opened as WebSocket;
    });
    client.on('closed', end);
    client.subscribe<any>(
      { query, ...(variables && { variables }) },
      {
        next: (result) => {
          if (!signal.aborted) onResult(result as StreamedResult);
        },
        error: end,
        complete: end,
      },
    );
  });
}

async function receiveEvents(
  { url, token, query, variables, lastEventId = null, onResult }: StreamedOperation,
  signal: AbortSignal,
): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, ...(lastEventId !== null && { 'last-event-id': lastEventId }) };
  const opening = openStream(`${url}/graphql`, { query, variables }, headers);
  const { promise: cutOff, resolve: stop } = Promise.withResolvers<void>();
  const abort = () => {
    opening.then((stream) => stream.stop()).catch(() => {});
    stop();
  };
  signal.addEventListener('abort', abort);
  const receiving = (async () => {
    const stream = await opening;
    for (;;) {
      const event = await stream.next();
      if (event?.event !== 'next' || signal.aborted) break;
      onResult(event.data, event.id);
    }
  })();
  await Promise.race([receiving.catch(() => {}), cutOff]);
  signal.removeEventListener('abort', abort);
  abort();
}
