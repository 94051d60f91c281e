import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import cors from '@fastify/cors';
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { GraphQLSchema, ValidationRule } from 'graphql';
import type { Logger } from 'pino';
import type { Authenticator } from '../auth/authenticator.ts';
import { hasRole, type Identity } from '../auth/identity.ts';
import type { Config } from '../config/config.ts';
import { type ErrorCode, StationmasterError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import { createErrorPresenter, HTTP_STATUS, hidesSuggestions, presentError } from '../graphql/errors.ts';
import { type Metrics, measureRootFields } from '../observability/metrics.ts';
import { createCacheabilityCheck, noteCacheableAnswers } from '../operations/cacheability.ts';
import { executeCompiled, QueryCompiler } from '../operations/compiled-execution.ts';
import { DirectExecution } from '../operations/direct-execution.ts';
import { createQueryGuard, limitCost, type QueryGuard } from '../operations/query-limits.ts';
import { createAddressReader, createRateLimiter } from '../operations/rate-limit.ts';
import { ReadyAnswers, requestIdOf } from '../operations/ready-answers.ts';
import { createRequestLog } from '../operations/request-log.ts';
import type { ResponseCache } from '../operations/response-cache.ts';
import { markStaleAnswers } from '../operations/stale-answers.ts';
import { readTrustedDocuments } from '../operations/trusted-documents.ts';
import { systemTimers, type Timers } from '../websocket/timers.ts';
import { attachWebSocketServer, type SocketCounts } from '../websocket/websocket-server.ts';
import { type Admission, createAdmission } from './admission.ts';
import { answerClientError, arrivalTimeouts } from './client-errors.ts';
import { openFastPath } from './fast-path/fast-path.ts';
import { statusByMediaType } from './graphql-over-http.ts';
import { GRAPHQL_PATH, registerGraphqlRoute } from './graphql-route.ts';
import { type Health, registerHealthRoutes } from './health.ts';
import { HttpRefusal } from './http-refusal.ts';
import { acceptJsonBodies, endRefusedBody } from './json-bodies.ts';
import { setSecurityHeaders } from './security-headers.ts';

export interface HttpServerParts {
  readonly config: Pick<
    Config,
    | 'environment'
    | 'host'
    | 'port'
    | 'corsOrigins'
    | 'introspection'
    | 'persistedQueries'
    | 'queries'
    | 'rates'
    | 'requestTimeoutSeconds'
    | 'sockets'
    | 'trustProxy'
  >;
  readonly logger: Logger;
  readonly schema: GraphQLSchema;
  /**
   * Says who is asking, from the `Authorization` header or `connectionParams.authorization`.
   *
   * @throws {StationmasterError} `UNAUTHENTICATED` for a bad token, `UNAVAILABLE` when it cannot be verified just now
   */
  readonly identify: ((authorization: string | undefined) => Promise<Identity>) & Partial<Pick<Authenticator, 'known'>>;
  readonly health: Health;
  readonly metrics: Metrics;
  /** Answers to give again; every request is executed without. */
  readonly responses?: ResponseCache | undefined;
  /** Run after the server's own. */
  readonly plugins?: readonly ApolloServerPlugin<Context>[];
  /** Beyond those of the specification; for HTTP and WebSockets. */
  readonly validationRules?: readonly ValidationRule[];
  /** What sockets go by; the system's by default. */
  readonly timers?: Timers;
}

export interface HttpServer {
  /** Where the server is reached, without a path: `http://127.0.0.1:4000`. The port is known once it listens. */
  readonly url: string;
  readonly sockets: SocketCounts;
  /**
   * Starts listening and returns `url`.
   *
   * @throws an error with the code `EADDRINUSE` when another program has the port
   */
  listen(): Promise<string>;
  /** Goes on as before, but asks every client to connect anew for its next request: elsewhere, if all goes well. */
  drain(): void;
  /**
   * Takes no more requests, answers those in flight for up to `graceMs`, sends sockets away with 1001, then cuts what is
   * left. Resolves when nothing runs any more; further calls change nothing.
   */
  close(graceMs: number): Promise<void>;
}

const MAX_BODY_BYTES = 1024 * 1024;

/** Longer than the minute after which common load balancers let go, so that they never write to a closed connection. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;

/** Serves `/graphql` over HTTP and WebSockets, `/livez`, `/readyz` and `/metrics`. Nothing listens before `listen`. */
export async function createHttpServer(parts: HttpServerParts): Promise<HttpServer> {
  const { config, health, identify, logger, metrics, timers, validationRules } = parts;
  const schema = measureRootFields(parts.schema, metrics);
  const queries = createQueryGuard(config.queries);
  const { file } = config.persistedQueries;
  const trustedDocuments = file === undefined ? null : readTrustedDocuments(file);
  const compiler = new QueryCompiler(schema);
  const isCacheable = createCacheabilityCheck(schema);
  const direct = new DirectExecution({ compiler, isCacheable, metrics, queries });
  const apollo = createApolloServer(parts, schema, queries, [
    noteCacheableAnswers(isCacheable),
    direct.plugin,
    executeCompiled(compiler),
  ]);
  await apollo.start();

  const server = createFastify(logger, config.requestTimeoutSeconds);
  let closing: Promise<void> | undefined;
  let isDraining = false;
  server.addHook('onSend', async ({ headers }, reply) => {
    // Browsers say when somebody opened an address; none of them asks for the page without naming HTML.
    setSecurityHeaders(reply, headers['sec-fetch-mode'] === 'navigate' || !!headers.accept?.includes('text/html'));
    // Otherwise a client's kept-alive connection would hold up the close long after its last answer.
    if (isDraining) reply.header('connection', 'close');
  });
  await server.register(cors, corsOptions(config.corsOrigins));
  const rates = createRateLimiter(config.rates, (timers ?? systemTimers).now);
  const addressOf = createAddressReader(config.trustProxy);
  /** Requests that were counted and executed before they came to the parser. */
  const counted = new WeakSet<object>();
  const admit = createAdmission(identify, rates, addressOf, counted);
  const showsPage = config.environment !== 'production';
  registerGraphqlRoute(server, {
    ...parts,
    admit,
    apollo,
    direct,
    tried: counted,
    queries,
    responses: parts.responses ?? null,
    trustedDocuments,
    showsPage,
  });
  registerHealthRoutes(server, health);
  registerMetricsRoute(server, admit, metrics);
  const sockets = attachWebSocketServer(server.server, GRAPHQL_PATH, {
    addressOf,
    config,
    identify,
    logger,
    metrics,
    queries,
    rates,
    trustedDocuments,
    schema,
    timers,
    validationRules,
  });

  const { responses } = parts;
  const { known } = identify;
  const lane =
    responses && known
      ? openFastPath(server.server, {
          path: GRAPHQL_PATH,
          answers: new ReadyAnswers({
            responses,
            // What may be asked for is looked up in the trustedDocuments first.
            direct: trustedDocuments ? null : direct,
            known,
            mayAsk: (identity, requester) => rates.take(identity, addressOf(requester)) === 0,
            logger,
            metrics,
          }),
          counted,
          isOpen: () => !isDraining && !logger.isLevelEnabled('debug'),
          headersFor: createHeaderTable(config.corsOrigins),
          firstRequestTimeoutMs: arrivalTimeouts(config.requestTimeoutSeconds).headersTimeout,
          keepAliveTimeoutMs: KEEP_ALIVE_TIMEOUT_MS,
        })
      : null;

  const closeAll = async (graceMs: number) => {
    const socketsClosed = sockets.close();
    const deadline = setTimeout(() => {
      sockets.terminate();
      server.server.closeAllConnections();
    }, graceMs);
    const serverClosed = server.close();
    lane?.closeIdle();
    await Promise.all([serverClosed, socketsClosed]);
    clearTimeout(deadline);
    await apollo.stop();
  };

  return {
    get url() {
      return findUrl(server, config);
    },
    sockets: sockets.counts,
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

function createApolloServer(
  { config, logger, metrics, plugins = [], validationRules = [] }: HttpServerParts,
  schema: GraphQLSchema,
  queries: QueryGuard,
  fast: readonly ApolloServerPlugin<Context>[],
): ApolloServer<Context> {
  const isProduction = config.environment === 'production';
  const errors = createErrorPresenter({ logger, hidesSuggestions: hidesSuggestions(config) });
  return new ApolloServer<Context>({
    schema,
    logger,
    nodeEnv: config.environment,
    introspection: config.introspection,
    includeStacktraceInErrorResponses: false,
    csrfPrevention: true,
    stopOnTerminationSignals: false,
    formatError: errors.formatError,
    parseOptions: queries.parseOptions,
    // Kept in a bounded cache. What is on a list comes as its text.
    persistedQueries: config.persistedQueries.mode === 'on' ? {} : false,
    validationRules: [queries.rule, ...validationRules],
    plugins: [
      errors.plugin,
      limitCost(queries),
      createRequestLog(metrics),
      markStaleAnswers,
      statusByMediaType,
      ...fast,
      // It would look at every field of every answer; nothing here may be kept by a proxy anyway.
      ApolloServerPluginCacheControlDisabled(),
      isProduction ? ApolloServerPluginLandingPageDisabled() : ApolloServerPluginLandingPageLocalDefault(),
      ...plugins,
    ],
  });
}

function createFastify(logger: Logger, requestTimeoutSeconds: number): FastifyInstance {
  const { requestTimeout, ...timeouts } = arrivalTimeouts(requestTimeoutSeconds);
  const server = fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout,
    http: timeouts,
    clientErrorHandler: answerClientError,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => refuse(error, request, reply, logger),
    genReqId: requestIdOf,
    // Who is connected already has an answer coming.
    return503OnClosing: false,
  });
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id).header('cache-control', NOT_KEPT_BY_CLIENTS);
  });
  server.addHook('onResponse', async ({ id, method, url }, { elapsedTime, statusCode }) => {
    logger.debug({ requestId: id, method, path: pathOf(url), statusCode, durationMs: elapsedTime }, 'http request');
  });
  acceptJsonBodies(server);
  server.setErrorHandler((error: FastifyError, request, reply) => refuse(error, request, reply, logger));
  server.setNotFoundHandler(({ method, url }) => {
    throw new StationmasterError('NOT_FOUND', `There is nothing at ${method} ${pathOf(url)}.`);
  });
  return server;
}

function pathOf(url: string): string {
  return url.split('?', 1)[0]!;
}

/** Answers a request that nothing was executed for, in GraphQL's shape. */
function refuse(error: FastifyError, request: FastifyRequest, reply: FastifyReply, logger: Logger): FastifyReply {
  const requestLogger = logger.child({ requestId: request.id });
  const refusal = isRefusedByFastify(error) ? new StationmasterError('BAD_USER_INPUT', error.message) : error;
  const formatted = presentError(refusal, { logger: requestLogger, requestId: request.id });
  const code = formatted.extensions?.code as ErrorCode;
  const isKnownToHttp = refusal !== error || error instanceof HttpRefusal;
  const statusCode = isKnownToHttp ? error.statusCode! : HTTP_STATUS[code];
  requestLogger.info({ method: request.method, path: pathOf(request.url), statusCode, code }, 'request refused');
  if (code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer');
  if (error instanceof HttpRefusal) reply.headers(error.headers);
  endRefusedBody(request);
  return reply.code(statusCode).send({ errors: [formatted] });
}

/** A body too large, a content type other than JSON and the like: the client's mistakes. */
function isRefusedByFastify({ code, statusCode = 500 }: FastifyError): boolean {
  return statusCode >= 400 && statusCode < 500 && code?.startsWith('FST_');
}

/** The headers of every answer to a POST, by the origin of the page that asks. */
function createHeaderTable(origins: readonly string[]): (origin: string | undefined) => readonly string[] | undefined {
  const common = [
    'x-content-type-options',
    'nosniff',
    'cache-control',
    NOT_KEPT_BY_CLIENTS,
    'vary',
    'Origin',
    'access-control-expose-headers',
    EXPOSED_HEADERS,
  ];
  const table = new Map<string | undefined, readonly string[]>([[undefined, common]]);
  for (const origin of origins) table.set(origin, [...common, 'access-control-allow-origin', origin]);
  return (origin) => table.get(origin);
}

const NOT_KEPT_BY_CLIENTS = 'private, no-store';
const EXPOSED_HEADERS = 'etag, retry-after, x-request-id';

function corsOptions(origins: readonly string[]) {
  return {
    origin: [...origins],
    methods: ['GET', 'POST'],
    allowedHeaders: [
      'content-type',
      'authorization',
      'apollo-require-preflight',
      'x-apollo-operation-name',
      'x-cache-debug',
      'x-request-id',
    ],
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: 600,
  };
}

/** Figures of the whole server are for admins. Prometheus brings a token as any client does. */
function registerMetricsRoute(server: FastifyInstance, admit: Admission, metrics: Metrics): void {
  server.get('/metrics', async (request, reply) => {
    const identity = await admit(request.raw);
    if (!hasRole(identity, 'ADMIN')) {
      const code = identity.isAnonymous ? 'UNAUTHENTICATED' : 'FORBIDDEN';
      throw new StationmasterError(code, 'The metrics need a token with the role ADMIN.');
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

/** Where to listen, but nowhere to connect to. */
const ANY_ADDRESS = ['0.0.0.0', '::'];
