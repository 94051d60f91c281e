import type { IncomingMessage, Server } from 'node:http';
import { CloseCode, handleProtocols } from 'graphql-ws';
import type { Logger } from 'pino';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import type { Config, SocketLimits } from '../config/config.ts';
import { systemTimers, type Timers } from '../timers.ts';
import { createUpgradeRefuser, type UpgradeRefusal } from './refused-upgrades.ts';
import { SendQueue } from './send-queue.ts';
import { SocketOutlet } from './socket-outlet.ts';
import {
  type Connection,
  createSocketProtocol,
  type SocketProtocol,
  type SocketProtocolParts,
} from './socket-protocol.ts';
import { frameOf } from './text-frames.ts';

/** Live counts: each read gives the current one. */
export interface SocketCounts {
  /** WebSockets and streams over HTTP that are open, including those whose peer is gone without a close. */
  readonly activeConnections: number;
  /** Subscriptions that are receiving events. */
  readonly activeSubscriptions: number;
  /** Events that were never sent, because a newer one took their place. Only rises. */
  readonly coalescedEvents: number;
}

/** The counts, updated by whatever opens a connection or starts a subscription. */
export type StreamCounts = { -readonly [Name in keyof SocketCounts]: SocketCounts[Name] };

export interface WebSocketServerParts extends Omit<SocketProtocolParts, 'timers'> {
  readonly counts: StreamCounts;
  readonly config: Pick<Config, 'environment' | 'introspection' | 'sockets'>;
  readonly timers?: Timers | undefined;
  /** The address a request comes from. */
  readonly addressOf: (request: RequestOrigin) => string;
  /**
   * Whether the page that sent a request may open a socket. CORS does not cover WebSockets: without this check any page
   * could subscribe with the anonymous role.
   */
  readonly mayConnect: (request: IncomingMessage) => boolean;
  /** Whether a request is for the address of the sockets. */
  readonly isEndpoint: (request: IncomingMessage) => boolean;
}

/** What of a request tells where it comes from. */
export type RequestOrigin = Pick<IncomingMessage, 'headers' | 'socket'>;

/**
 * Whether to answer a request as an upgrade. Servers may ignore an offer to speak another protocol (RFC 9110, section
 * 7.8): many clients offer HTTP/2 with their first request. Only a GET of HTTP/1.1 can become a WebSocket.
 */
export function isWebSocketUpgrade({ headers, httpVersion, method }: IncomingMessage): boolean {
  if (method !== 'GET' || httpVersion === '1.0') return false;
  return headers.upgrade?.split(',').some((protocol) => protocol.trim().toLowerCase() === WEBSOCKET) === true;
}

const WEBSOCKET = 'websocket';

export interface GraphQLWebSocketServer {
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
 * Serves `graphql-transport-ws` on upgrades of `httpServer`, which should take only those of `isWebSocketUpgrade`. A peer
 * that exceeds one of the limits in `config.sockets`, does not answer a ping, or leaves more unread than may wait is
 * disconnected.
 */
export function attachWebSocketServer(httpServer: Server, parts: WebSocketServerParts): GraphQLWebSocketServer {
  const { addressOf, config, counts, logger, timers = systemTimers } = parts;
  const protocol = createSocketProtocol({ ...parts, timers });
  const waitingRoom = new WaitingRoom(config.sockets, timers);
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    maxPayload: config.sockets.maxMessageBytes,
    closeTimeout: CLOSE_TIMEOUT_MS,
    perMessageDeflate: false,
    handleProtocols,
  };
  const sockets = new WebSocketServer(options);

  const refuse = createUpgradeRefuser(logger, timers);
  const findRefusal = (request: IncomingMessage): UpgradeRefusal | null => {
    if (!parts.isEndpoint(request)) return NO_ENDPOINT;
    if (!parts.mayConnect(request)) return FOREIGN_PAGE;
    return counts.activeConnections >= config.sockets.maxConnections ? TOO_MANY : null;
  };
  sockets.on('wsClientError', ({ message }, connection, request) => {
    const status = /version/i.test(message) ? 426 : 400;
    refuse(connection, request, { status, code: 'BAD_USER_INPUT', message: `${message}.` });
  });

  const { maxQueuedBytes } = config.sockets;
  const onCoalesced = () => {
    counts.coalescedEvents += 1;
  };
  // A function of its own, so that what belongs to a socket keeps nothing else of its request.
  const accept = (socket: WebSocket, { headers, socket: connection }: RequestOrigin) => {
    const onOverflow = () => socket.close(TOO_FAR_BEHIND, 'Too far behind');
    const sendQueue = new SendQueue(new SocketOutlet(socket, connection), { maxQueuedBytes, onCoalesced, onOverflow });
    counts.activeConnections += 1;
    waitingRoom.enter(socket);
    const initialized = () => waitingRoom.leave(socket);
    const address = () => addressOf({ headers, socket: connection });
    const closed = serve({ socket, address, sendQueue, initialized }, protocol, logger);
    socket.on('close', (code, reason) => {
      counts.activeConnections -= 1;
      waitingRoom.leave(socket);
      closed(code, String(reason)).catch((error: unknown) =>
        logger.error({ err: error }, 'a subscription could not be ended'),
      );
    });
  };

  httpServer.on('upgrade', (request, connection, head) => {
    const refusal = findRefusal(request);
    if (refusal) return refuse(connection, request, refusal);
    // Others of the offered protocols are ignored.
    request.headers.upgrade = WEBSOCKET;
    sockets.handleUpgrade(request, connection, head, accept);
  });

  const stopHeartbeat = startHeartbeat(sockets, timers);

  return {
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

const NO_ENDPOINT: UpgradeRefusal = {
  status: 404,
  code: 'NOT_FOUND',
  message: 'There is no WebSocket at this address.',
};

const FOREIGN_PAGE: UpgradeRefusal = {
  status: 403,
  code: 'FORBIDDEN',
  message: 'Pages of this origin may not open a WebSocket.',
  advice:
    'Add the origin to CORS_ORIGINS. If it is the address of a reverse proxy, let the proxy pass on Host, or send ' +
    'X-Forwarded-Host and set TRUST_PROXY.',
};

const TOO_MANY: UpgradeRefusal = {
  status: 503,
  code: 'UNAVAILABLE',
  message: 'There are too many WebSockets; try again.',
  advice: 'SOCKET_MAX_CONNECTIONS limits them.',
};

/**
 * Closes sockets that do not send `connection_init` in time, and, when too many wait, the one that has waited longest:
 * refusing new ones would let a few silent peers block all others.
 */
class WaitingRoom {
  readonly #limits: SocketLimits;
  readonly #timers: Timers;
  /** With what cancels their timers. */
  readonly #waiting = new Map<WebSocket, () => void>();

  constructor(limits: SocketLimits, timers: Timers) {
    this.#limits = limits;
    this.#timers = timers;
  }

  enter(socket: WebSocket): void {
    const { initTimeoutSeconds, maxUninitialized } = this.#limits;
    const [longestWaiting] = this.#waiting.keys();
    if (longestWaiting && this.#waiting.size >= maxUninitialized) this.#sendAway(longestWaiting);
    const cancel = this.#timers.after(initTimeoutSeconds * 1000, () => this.#sendAway(socket));
    this.#waiting.set(socket, cancel);
  }

  /** Lets a socket stay. */
  leave(socket: WebSocket): void {
    this.#waiting.get(socket)?.();
    this.#waiting.delete(socket);
  }

  #sendAway(socket: WebSocket): void {
    this.leave(socket);
    socket.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout');
  }
}

/**
 * Joins a socket to the protocol as `graphql-ws/use/ws` does, which logs to the console instead of our log.
 * @returns what to call when the socket is closed
 */
function serve(connection: Connection, protocol: SocketProtocol, logger: Logger) {
  const { sendQueue, socket } = connection;
  const fail = (error: unknown) => {
    if (error instanceof Error && UNEXPECTED_MESSAGE.test(error.message)) {
      return socket.close(CloseCode.BadRequest, 'Invalid message received');
    }
    logger.error({ err: error }, 'a WebSocket message could not be handled');
    socket.close(CloseCode.InternalServerError, 'Internal server error');
  };
  // ws closes the socket itself after an error of the protocol or the network.
  socket.on('error', (error) => logger.debug({ err: error }, 'a WebSocket failed'));
  return protocol.opened(
    {
      protocol: socket.protocol,
      send: (text) => sendQueue.send(frameOf(text)),
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
