import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { GraphQLSchema, ValidationRule } from 'graphql';
import type { Logger } from 'pino';
import { hasRole } from '../auth/identity.ts';
import type { Cache } from '../cache/index.ts';
import type { ChangeFeed, Positions } from '../changes/index.ts';
import type { Collections } from '../collections/index.ts';
import type { Config } from '../config/config.ts';
import { StationmasterError } from '../errors.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Tracing } from '../observability/tracing/traces.ts';
import type { Admission, Identify } from '../operations/caller.ts';
import type { OperationMiddleware } from '../operations/operation.ts';
import { createOperations } from '../operations/operations.ts';
import type { ResponseCache } from '../operations/response-cache.ts';
import { systemTimers, type Timers } from '../timers.ts';
import { createSubscriptions } from '../websocket/subscriptions.ts';
import { attachWebSocketServer, isWebSocketUpgrade, type SocketCounts } from '../websocket/websocket-server.ts';
import { type AddressReader, createAddressReader, createProxyTrust } from './client-address.ts';
import { answerClientError, arrivalTimeouts } from './client-errors.ts';
import { type ConsoleState, registerConsoleRoutes } from './console/console-routes.ts';
import type { SignDevelopmentToken } from './console/development-token.ts';
import { registerExportRoutes } from './export/export-route.ts';
import { openFastPath } from './fast-path/fast-path.ts';
import { createForwardedReader } from './forwarded.ts';
import { createGraphqlHandler, GRAPHQL_PATH } from './graphql-handler.ts';
import { registerGraphqlRoute, sendResponse } from './graphql-route.ts';
import { ResponseHeaders, requestIdOf } from './headers.ts';
import { type Health, registerHealthRoutes } from './health.ts';
import { logHttpRequest } from './http-log.ts';
import { acceptJsonBodies, endRefusedBody } from './json-bodies.ts';
import { createOriginRules } from './origins.ts';
import { HttpRefusal, refuseRequest } from './refusal.ts';
import { ResultStreams } from './streams/result-streams.ts';

export interface HttpServerParts {
  readonly config: Pick<
    Config,
    | 'auth'
    | 'compression'
    | 'console'
    | 'environment'
    | 'exportTimeoutSeconds'
    | 'host'
    | 'port'
    | 'corsLoopback'
    | 'corsOrigins'
    | 'httpFastPath'
    | 'introspection'
    | 'keepAliveSeconds'
    | 'persistedQueries'
    | 'queries'
    | 'rates'
    | 'requestTimeoutSeconds'
    | 'sockets'
    | 'trustProxy'
  >;
  readonly logger: Logger;
  readonly schema: GraphQLSchema;
  /** What can be exported; none by default. */
  readonly collections?: Collections;
  /**
   * Establishes who asks, from the `Authorization` header or `connectionParams.authorization`.
   *
   * @throws {StationmasterError} `UNAUTHENTICATED` for a bad token, `UNAVAILABLE` when it cannot be verified just now
   */
  readonly identify: Identify;
  readonly health: Health;
  readonly metrics: Metrics;
  /** Default: nothing is traced. */
  readonly tracing?: Tracing | null;
  readonly cache: Pick<Cache, 'dependOn' | 'isLive'>;
  /** Has the cache among its followers. */
  readonly feed: Pick<ChangeFeed, 'follow'>;
  readonly positions: Positions;
  /** Stores responses; without it every operation is executed. */
  readonly responses?: ResponseCache | undefined;
  /** Around every operation on every transport, the first one outermost. */
  readonly middlewares?: readonly OperationMiddleware[] | undefined;
  /** Set in development, where the server has made its secret itself. */
  readonly signDevelopmentToken?: SignDevelopmentToken | undefined;
  /** The folder of the console's build; the one in this package by default. */
  readonly consoleFolder?: string;
  /** Beyond those of the specification. */
  readonly validationRules?: readonly ValidationRule[];
  /** The clock of sockets, of the rate limit and of looking at files; the system's by default. */
  readonly timers?: Timers;
}

export interface HttpServer {
  /** The server's address, without a path: `http://127.0.0.1:4000`. The port is known once it listens. */
  readonly url: string;
  readonly sockets: SocketCounts;
  readonly console: ConsoleState;
  /**
   * Starts listening and returns `url`.
   *
   * @throws an error with the code `EADDRINUSE` when another program has the port
   */
  listen(): Promise<string>;
  /** Goes on answering, but makes clients reconnect for their next request, so that a load balancer can send them elsewhere. */
  drain(): void;
  /**
   * Accepts no more requests, answers those in flight for up to `graceMs`, closes sockets with 1001, then cuts what is
   * left. Resolves when nothing runs any more. Further calls change nothing.
   */
  close(graceMs: number): Promise<void>;
}

const MAX_BODY_BYTES = 1024 * 1024;

/** Serves `/graphql` over HTTP and WebSockets, `/export`, the console, `/livez`, `/readyz` and `/metrics`. Nothing listens before `listen`. */
export async function createHttpServer(parts: HttpServerParts): Promise<HttpServer> {
  const { config, health, logger, metrics, timers = systemTimers, tracing = null } = parts;
  const operations = createOperations({ ...parts, timers });
  await operations.start();
  const addressOf = createAddressReader(config.trustProxy);
  const compresses = config.compression;
  const origins = createOriginRules(config, createForwardedReader(createProxyTrust(config.trustProxy)));
  const { mayRead } = origins;
  const settings = { addressOf, compresses, mayRead, showsPage: config.environment !== 'production' };
  const handle = createGraphqlHandler(operations, logger);
  const headers = new ResponseHeaders(origins);
  let closing: Promise<void> | undefined;
  let isDraining = false;

  const writer = createHeaderWriter(headers, () => isDraining);
  const server = createFastify(logger, config, writer);
  writeHeaders(server, headers, writer);
  const counts = { activeConnections: 0, activeSubscriptions: 0, coalescedEvents: 0 };
  const { live, schema } = operations;
  const subscriptions = createSubscriptions({ config, counts, live, logger, metrics, timers, tracing });
  const streams = new ResultStreams({ config, counts, logger, schema, subscriptions, timers });
  registerGraphqlRoute(server, { answer: operations.answer, handle, logger, settings, streams });
  const { collections } = parts;
  const { admission } = operations;
  if (collections) {
    const { exportTimeoutSeconds } = config;
    registerExportRoutes(server, { ...parts, ...settings, exportTimeoutSeconds, collections, admission, timers });
  }
  registerHealthRoutes(server, health);
  registerMetricsRoute(server, admission, addressOf, metrics);
  const consoleState = await registerConsoleRoutes(server, parts);
  const sockets = attachWebSocketServer(server.server, {
    addressOf,
    config,
    counts,
    isEndpoint: ({ url = '' }) => pathOf(url).replace(/\/$/, '') === GRAPHQL_PATH,
    logger,
    mayConnect: origins.mayConnect,
    operations,
    subscriptions,
    timers,
  });
  const fastPath = config.httpFastPath
    ? openFastPath(server.server, {
        handle,
        settings,
        headers,
        logger,
        isOpen: () => !isDraining,
        firstRequestTimeoutMs: arrivalTimeouts(config.requestTimeoutSeconds).headersTimeout,
        keepAliveTimeoutMs: config.keepAliveSeconds * 1000,
      })
    : null;

  const closeAll = async (graceMs: number) => {
    streams.close();
    const socketsClosed = sockets.close();
    const deadline = setTimeout(() => {
      sockets.terminate();
      fastPath?.closeAll();
      server.server.closeAllConnections();
    }, graceMs);
    const serverClosed = server.close();
    fastPath?.closeIdle();
    await Promise.all([serverClosed, socketsClosed]);
    clearTimeout(deadline);
    await operations.stop();
  };

  return {
    get url() {
      return findUrl(server, config);
    },
    sockets: counts,
    console: consoleState,
    async listen() {
      await server.listen({ host: config.host, port: config.port });
      return findUrl(server, config);
    },
    drain() {
      isDraining = true;
    },
    close(graceMs) {
      isDraining = true;
      closing ??= closeAll(graceMs);
      return closing;
    },
  };
}

function noSchemas(): never {
  throw new Error('No route has a schema.');
}

function createFastify(
  logger: Logger,
  {
    keepAliveSeconds,
    requestTimeoutSeconds,
  }: Pick<HttpServerParts['config'], 'keepAliveSeconds' | 'requestTimeoutSeconds'>,
  writer: HeaderWriter,
): FastifyInstance {
  const { requestTimeout, ...timeouts } = arrivalTimeouts(requestTimeoutSeconds);
  const answerError = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const refusal = isRefusedByFastify(error) ? new HttpRefusal(error.statusCode!, error.message) : error;
    endRefusedBody(request);
    return sendResponse(refuseRequest(refusal, asLogged(request), logger), reply);
  };
  const server = fastify({
    bodyLimit: MAX_BODY_BYTES,
    // Instead of the default ones, which would be loaded although no route has a schema.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    requestTimeout,
    http: { ...timeouts, shouldUpgradeCallback: isWebSocketUpgrade },
    clientErrorHandler: answerClientError,
    keepAliveTimeout: keepAliveSeconds * 1000,
    forceCloseConnections: 'idle',
    // An address that it cannot read; no hook runs for those.
    frameworkErrors: (error, request, reply) => {
      writer.begin(request, reply);
      writer.complete(request, reply);
      return answerError(error, request, reply);
    },
    genReqId: requestIdOf,
    routerOptions: { ignoreTrailingSlash: true },
    // A client that is connected already gets its answer.
    return503OnClosing: false,
  });
  server.addHook('onResponse', async (request, { elapsedTime, statusCode }) => {
    logHttpRequest(logger, asLogged(request), statusCode, performance.now() - elapsedTime);
  });
  acceptJsonBodies(server);
  server.setErrorHandler(answerError);
  server.setNotFoundHandler(({ method, url }) => {
    throw new StationmasterError('NOT_FOUND', `There is nothing at ${method} ${pathOf(url)}.`);
  });
  return server;
}

/** Writes the headers of every response. */
interface HeaderWriter {
  begin(request: FastifyRequest, reply: FastifyReply): void;
  /** When the media type is known. */
  complete(request: FastifyRequest, reply: FastifyReply): void;
}

function createHeaderWriter(table: ResponseHeaders, isDraining: () => boolean): HeaderWriter {
  return {
    begin({ headers, id }, reply) {
      reply.headers(table.common(headers.origin)).header('x-request-id', id);
    },
    complete({ headers }, reply) {
      const added = table.forBrowsers(headers, String(reply.getHeader('content-type')));
      for (const [name, value] of Object.entries(added ?? {})) if (!reply.hasHeader(name)) reply.header(name, value);
      // Otherwise a client's kept-alive connection would delay the close long after its last response.
      if (isDraining()) reply.header('connection', 'close');
    },
  };
}

/** Also answers `OPTIONS`: preflight requests and those of probes. */
function writeHeaders(server: FastifyInstance, table: ResponseHeaders, writer: HeaderWriter): void {
  server.addHook('onRequest', async (request, reply) => {
    writer.begin(request, reply);
    if (request.method !== 'OPTIONS') return;
    return reply.headers(table.preflight(request)).code(204).header('content-length', '0').send();
  });
  server.addHook('onSend', async (request, reply) => writer.complete(request, reply));
}

function asLogged({ headers, id, method, url }: FastifyRequest) {
  return { requestId: id, method, path: pathOf(url), headers };
}

function pathOf(url: string): string {
  return url.split('?', 1)[0]!;
}

/** A body too large, a content type other than JSON and the like: the client's mistakes. */
function isRefusedByFastify({ code, statusCode = 500 }: FastifyError): boolean {
  return statusCode >= 400 && statusCode < 500 && code?.startsWith('FST_');
}

/** Figures of the whole server are for monitors. Prometheus brings a token as any client does. */
function registerMetricsRoute(
  server: FastifyInstance,
  admission: Admission,
  addressOf: AddressReader,
  metrics: Metrics,
): void {
  server.get('/metrics', async ({ headers, raw }, reply) => {
    const address = addressOf(raw);
    const identity = await admission.admit({ authorization: headers.authorization, address });
    if (!hasRole(identity, 'MONITOR')) {
      const code = identity.isAnonymous ? 'UNAUTHENTICATED' : 'FORBIDDEN';
      throw new StationmasterError(code, 'The metrics need a token with the role MONITOR.');
    }
    return reply.type(metrics.contentType).send(await metrics.scrape());
  });
}

function findUrl(server: FastifyInstance, config: HttpServerParts['config']): string {
  const address = server.server.address();
  const port = address !== null && typeof address === 'object' ? address.port : config.port;
  const host = ANY_ADDRESS.includes(config.host) ? 'localhost' : config.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Addresses to listen at, but not to connect to. */
const ANY_ADDRESS = ['0.0.0.0', '::'];
