import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, handleProtocols } from 'graphql-ws';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Config } from '../config.ts';
import { createSocketProtocol, type SocketProtocol, type SocketProtocolParts } from './socket-protocol.ts';
import { systemTimers, type Timers } from './timers.ts';

/** Live numbers: read them again for newer ones. */
export interface SocketCounts {
  /** Sockets from the moment they open until they are gone, however they go. */
  readonly activeConnections: number;
  /** Subscriptions that are receiving events. */
  readonly activeSubscriptions: number;
}

export interface WebSocketServerParts extends Omit<SocketProtocolParts, 'timers' | 'counts'> {
  readonly config: Pick<Config, 'environment' | 'corsOrigins'>;
  readonly timers?: Timers | undefined;
}

export interface GraphQLWebSocketServer {
  readonly counts: SocketCounts;
  /**
   * Takes no more sockets, sends every peer away (1001) and resolves when all are gone. Peers that do not answer need
   * `terminate`.
   */
  close(): Promise<void>;
  /** Cuts whatever connection is left. */
  terminate(): void;
}

/** Above any query a person writes. */
const MAX_MESSAGE_BYTES = 64 * 1024;

const KEEP_ALIVE_MS = 12_000;
const GOING_AWAY = 1001;

/**
 * Speaks `graphql-transport-ws` to whoever upgrades `path` of `httpServer`. Browsers are let in from the server's own
 * origin and from `config.corsOrigins`; a message over 64 KiB, or a ping that goes unanswered, ends the connection.
 */
export function attachWebSocketServer(
  httpServer: Server,
  path: string,
  parts: WebSocketServerParts,
): GraphQLWebSocketServer {
  const { config, logger, timers = systemTimers } = parts;
  const counts = { activeConnections: 0, activeSubscriptions: 0 };
  const protocol = createSocketProtocol({ ...parts, timers, counts });
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols,
  });

  httpServer.on('upgrade', (request, connection, head) => {
    if (request.url?.split('?', 1)[0] !== path) return refuseUpgrade(connection, '404 Not Found');
    if (!isOriginAllowed(request, config.corsOrigins)) return refuseUpgrade(connection, '403 Forbidden');
    sockets.handleUpgrade(request, connection, head, (socket) => {
      counts.activeConnections += 1;
      socket.once('close', () => {
        counts.activeConnections -= 1;
      });
      serve(socket, protocol, logger);
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
  connection.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** CORS does not cover WebSockets: without this any page could subscribe with the anonymous role. Programs send no origin. */
function isOriginAllowed({ headers }: IncomingMessage, allowedOrigins: readonly string[]): boolean {
  const { host, origin } = headers;
  if (origin === undefined || allowedOrigins.includes('*') || allowedOrigins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** Joins a socket to the protocol as `graphql-ws/use/ws` would, which writes to the console what belongs in our log. */
function serve(socket: WebSocket, protocol: SocketProtocol, logger: Logger): void {
  const fail = (error: unknown) => {
    logger.error({ err: error }, 'a WebSocket message could not be handled');
    socket.close(CloseCode.InternalServerError, 'Internal server error');
  };
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      // The promise holds events back until the peer has room for them. A send that fails means a dying socket, and its
      // close event is on the way.
      send: (text) =>
        new Promise<void>((resolve) => {
          if (socket.readyState === socket.OPEN) socket.send(text, () => resolve());
          else resolve();
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (handle) => {
        socket.on('message', (data) => {
          // A peer we have said goodbye to may still talk; its token may be the reason why we did.
          if (socket.readyState === socket.OPEN) handle(String(data)).catch(fail);
        });
      },
    },
    { socket },
  );
  // ws closes the socket itself: the peer broke the protocol, or the network did.
  socket.on('error', (error) => logger.debug({ err: error }, 'a WebSocket failed'));
  socket.once('close', (code, reason) => {
    closed(code, String(reason)).catch((error: unknown) =>
      logger.error({ err: error }, 'a subscription could not be ended'),
    );
  });
}

/** Pings every socket now and then, and cuts those that have not answered the ping before. */
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
