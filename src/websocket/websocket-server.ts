import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, handleProtocols } from 'graphql-ws';
import type { Logger } from 'pino';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import type { Config, SocketLimits } from '../config/config.ts';
import { systemTimers, type Timers } from '../timers.ts';
import { SendQueue } from './send-queue.ts';
import {
  type Connection,
  createSocketProtocol,
  type SocketProtocol,
  type SocketProtocolParts,
} from './socket-protocol.ts';

/** Live counts: each read gives the current one. */
export interface SocketCounts {
  /** Sockets that are open, including those whose peer is gone without a close. */
  readonly activeConnections: number;
  /** Subscriptions that are receiving events. */
  readonly activeSubscriptions: number;
}

export interface WebSocketServerParts extends Omit<SocketProtocolParts, 'timers' | 'counts'> {
  readonly config: Pick<Config, 'environment' | 'corsOrigins' | 'introspection' | 'sockets'>;
  readonly timers?: Timers | undefined;
  /** The address a request comes from. */
  readonly addressOf: (request: IncomingMessage) => string;
}

export interface GraphQLWebSocketServer {
  readonly counts: SocketCounts;
  /**
   * Accepts no more sockets, closes all with 1001 and resolves when all are closed. Peers that do not answer need
   * `terminate`.
   */
  close(): Promise<void>;
  /** Cuts the connections that are left. */
  terminate(): void;
}

const KEEP_ALIVE_MS = 12_000;
/** How long a peer may take to answer a close. */
const CLOSE_TIMEOUT_MS = 5000;

const GOING_AWAY = 1001;
/** Our own code: the peer reads too slowly for what it subscribed to. It may reconnect, and should fetch again what it shows. */
const TOO_FAR_BEHIND = 4413;

/**
 * Serves `graphql-transport-ws` on upgrades of `path` of `httpServer`. Pages may connect from the server's own origin and
 * from `config.corsOrigins`. A peer that exceeds one of the limits in `config.sockets`, does not answer a ping, or leaves
 * more unread than may wait is disconnected.
 */
export function attachWebSocketServer(
  httpServer: Server,
  path: string,
  parts: WebSocketServerParts,
): GraphQLWebSocketServer {
  const { addressOf, config, logger, timers = systemTimers } = parts;
  const counts = { activeConnections: 0, activeSubscriptions: 0 };
  const protocol = createSocketProtocol({ ...parts, timers, counts });
  const awaitInit = createWaitingRoom(config.sockets, timers);
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    maxPayload: config.sockets.maxMessageBytes,
    closeTimeout: CLOSE_TIMEOUT_MS,
    perMessageDeflate: false,
    handleProtocols,
  };
  const sockets = new WebSocketServer(options);

  httpServer.on('upgrade', (request, connection, head) => {
    if (request.url?.split('?', 1)[0] !== path) return refuseUpgrade(connection, '404 Not Found');
    if (!isOriginAllowed(request, config.corsOrigins)) return refuseUpgrade(connection, '403 Forbidden');
    if (counts.activeConnections >= config.sockets.maxConnections) {
      return refuseUpgrade(connection, '503 Service Unavailable');
    }
    sockets.handleUpgrade(request, connection, head, (socket) => {
      counts.activeConnections += 1;
      socket.once('close', () => {
        counts.activeConnections -= 1;
      });
      const sendQueue = new SendQueue(socket, {
        connection,
        maxQueuedBytes: config.sockets.maxQueuedBytes,
        onOverflow: () => socket.close(TOO_FAR_BEHIND, 'Too far behind'),
      });
      const address = addressOf(request);
      serve({ socket, address, sendQueue, initialized: awaitInit(socket) }, protocol, logger);
    });
  });

  const stopHeartbeat = startHeartbeat(sockets, timers);

  return {
    counts,
    close() {
      stopHeartbeat();
      for (const socket of sockets.clients) socket.close(GOING_AWAY, 'Going away');
      return new Promise((resolve) => sockets.close(() => resolve()));
    },
    terminate() {
      for (const socket of sockets.clients) socket.terminate();
    },
  };
}

function refuseUpgrade(connection: Duplex, status: string): void {
  connection.on('error', () => connection.destroy());
  connection.once('finish', () => connection.destroy());
  connection.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** CORS does not cover WebSockets: without this check any page could subscribe with the anonymous role. Programs send no origin. */
function isOriginAllowed({ headers }: IncomingMessage, allowedOrigins: readonly string[]): boolean {
  const { host, origin } = headers;
  if (origin === undefined || allowedOrigins.includes('*') || allowedOrigins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

/**
 * Closes sockets that do not send `connection_init` in time, and, when too many wait, the one that has waited longest:
 * refusing new ones would let a few silent peers block all others. The returned function lets a socket stay.
 */
function createWaitingRoom({ initTimeoutSeconds, maxUninitialized }: SocketLimits, timers: Timers) {
  const waiting = new Map<WebSocket, () => void>();
  const leave = (socket: WebSocket) => {
    waiting.get(socket)?.();
    waiting.delete(socket);
  };
  const sendAway = (socket: WebSocket) => {
    leave(socket);
    socket.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout');
  };
  return function enter(socket: WebSocket): () => void {
    const [longestWaiting] = waiting.keys();
    if (longestWaiting && waiting.size >= maxUninitialized) sendAway(longestWaiting);
    waiting.set(
      socket,
      timers.after(initTimeoutSeconds * 1000, () => sendAway(socket)),
    );
    socket.once('close', () => leave(socket));
    return () => leave(socket);
  };
}

/** Joins a socket to the protocol as `graphql-ws/use/ws` does, which logs to the console instead of our log. */
function serve(connection: Connection, protocol: SocketProtocol, logger: Logger): void {
  const { sendQueue, socket } = connection;
  const fail = (error: unknown) => {
    if (error instanceof Error && UNEXPECTED_MESSAGE.test(error.message)) {
      return socket.close(CloseCode.BadRequest, 'Invalid message received');
    }
    logger.error({ err: error }, 'a WebSocket message could not be handled');
    socket.close(CloseCode.InternalServerError, 'Internal server error');
  };
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (text) => sendQueue.send(text),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (handle) => {
        socket.on('message', (data) => {
          // After a close the peer may still send, and its token may be the reason for the close.
          if (socket.readyState === socket.OPEN) handle(String(data)).catch(fail);
        });
      },
    },
    connection,
  );
  // ws closes the socket itself after an error of the protocol or the network.
  socket.on('error', (error) => logger.debug({ err: error }, 'a WebSocket failed'));
  socket.once('close', (code, reason) => {
    closed(code, String(reason)).catch((error: unknown) =>
      logger.error({ err: error }, 'a subscription could not be ended'),
    );
  });
}

/** The message of graphql-ws for a message type that only servers send. */
const UNEXPECTED_MESSAGE = /^Unexpected message of type /;

/** Pings all sockets periodically, and cuts those that have not answered the previous ping. */
function startHeartbeat(sockets: WebSocketServer, timers: Timers): () => void {
  const unanswered = new WeakSet<WebSocket>();
  const beat = () => {
    for (const socket of sockets.clients) {
      if (unanswered.has(socket)) {
        socket.terminate();
      } else if (socket.readyState === socket.OPEN) {
        unanswered.add(socket);
        socket.once('pong', () => unanswered.delete(socket));
        socket.ping();
      }
    }
    cancel = timers.after(KEEP_ALIVE_MS, beat);
  };
  let cancel = timers.after(KEEP_ALIVE_MS, beat);
  return () => cancel();
}
