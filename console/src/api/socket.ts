import { type Client, CloseCode, createClient } from 'graphql-ws';
import { endSession, getSession, onSessionChange } from '../session/session.ts';
import { setConnectionState } from './connection.ts';

const BACKOFF = { minMs: 250, maxMs: 8000 };
/** A connection that answers no ping for this long is given up: some networks drop connections without a word. */
const PING_INTERVAL_MS = 10_000;
const PONG_TIMEOUT_MS = 5000;

/**
 * The one WebSocket of a page. It connects with the first subscription, and again whenever the connection is lost, until it
 * succeeds: graphql-ws then starts every running subscription anew.
 */
export function createSocket(): Client {
  let socket: WebSocket | undefined;
  let pongTimer: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    connectionParams: () => {
      const { token } = getSession();
      return token === null ? {} : { authorization: `Bearer ${token}` };
    },
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: (attempts) => wait(backoffMs(attempts)),
    keepAlive: PING_INTERVAL_MS,
    on: {
      connecting: (isRetry) => {
        if (!isRetry) setConnectionState('connecting');
      },
      connected: (opened) => {
        socket = opened as WebSocket;
        setConnectionState('connected');
      },
      closed: (event) => {
        clearTimeout(pongTimer);
        const { code, reason, wasClean } = event as CloseEvent;
        if (code === CloseCode.Unauthorized || code === CloseCode.Forbidden) endSession(reason);
        setConnectionState(wasClean && code === 1000 ? 'idle' : 'lost');
      },
      ping: (isReceived) => {
        if (!isReceived) pongTimer = setTimeout(() => socket?.close(4408, 'No pong came.'), PONG_TIMEOUT_MS);
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(pongTimer);
      },
    },
  });
  // A new token counts from now on: the subscriptions go on over a connection that has it.
  onSessionChange(() => client.terminate());
  return client;
}

/** Random, so that the pages of a fleet of browsers do not come back at the same moment. */
function backoffMs(attempts: number): number {
  return Math.min(BACKOFF.minMs * 2 ** attempts, BACKOFF.maxMs) * (0.5 + Math.random() / 2);
}

/** Ends early when the browser says that the network is back, or the page is looked at again. */
function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      document.removeEventListener('visibilitychange', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener('online', done);
    document.addEventListener('visibilitychange', done);
  });
}
