import type { GraphQLSchema, ValidationRule } from 'graphql';
import type { Logger } from 'pino';
import type { Cache } from '../cache/index.ts';
import type { ChangeFeed, Positions } from '../changes/index.ts';
import type { Config } from '../config/config.ts';
import { hidesSuggestions } from '../graphql/errors.ts';
import { measureRootFields } from '../graphql/root-fields.ts';
import type { ResolverObserver } from '../observability/metrics.ts';
import type { RequestObserver } from '../observability/operation-figures.ts';
import type { Tracing } from '../observability/tracing/traces.ts';
import type { Timers } from '../timers.ts';
import { type AnswerOperation, createAnswer } from './answer.ts';
import { createApollo } from './apollo/apollo.ts';
import { type Admission, createAdmission, type Identify } from './caller.ts';
import { createPersistedQueries, TEXTS_ONLY } from './documents/persisted-queries.ts';
import { type DocumentSource, readTrustedDocuments } from './documents/trusted-documents.ts';
import { LiveQueries } from './live/live-queries.ts';
import type { OperationMiddleware } from './operation.ts';
import { PreparedOperations } from './prepared-operations.ts';
import { createQueryGuard } from './query-limits.ts';
import { createRateLimiter } from './rate-limit.ts';
import type { ResponseCache } from './response-cache.ts';
import { createValidator } from './validation.ts';

export interface OperationsParts {
  readonly config: Pick<Config, 'environment' | 'introspection' | 'persistedQueries' | 'queries' | 'rates'>;
  readonly schema: GraphQLSchema;
  readonly identify: Identify;
  readonly logger: Logger;
  readonly metrics: RequestObserver & ResolverObserver;
  /** Default: nothing is traced. */
  readonly tracing?: Tracing | null | undefined;
  readonly cache: Pick<Cache, 'dependOn' | 'isLive'>;
  /** Tells when the cache is live again. */
  readonly feed: Pick<ChangeFeed, 'follow'>;
  readonly positions: Positions;
  /** Stores responses; without it every operation is executed. */
  readonly responses?: ResponseCache | undefined;
  /** Around every operation, the first one outermost. */
  readonly middlewares?: readonly OperationMiddleware[] | undefined;
  /** Beyond those of the specification. */
  readonly validationRules?: readonly ValidationRule[] | undefined;
  /** The clock of the rate limit, and of looking at files. */
  readonly timers: Timers;
}

/** Everything between a transport and the schema. */
export interface Operations {
  readonly answer: AnswerOperation;
  readonly admission: Admission;
  /** Runs the live queries that `answer` accepted. */
  readonly live: LiveQueries;
  /** The schema that is executed. */
  readonly schema: GraphQLSchema;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** @throws {ConfigError} when the list of trusted documents cannot be read */
export function createOperations(parts: OperationsParts): Operations {
  const { cache, config, identify, logger, metrics, middlewares = [], positions, timers } = parts;
  const { responses = null, tracing = null } = parts;
  const schema = measureRootFields(parts.schema, metrics);
  const guard = createQueryGuard(config.queries);
  const validate = createValidator({
    schema,
    guard,
    introspection: config.introspection,
    rules: parts.validationRules,
  });
  const hidden = hidesSuggestions(config);
  const apollo = createApollo({ config, schema, logger, hidesSuggestions: hidden });
  const admission = createAdmission(identify, createRateLimiter(config.rates, timers.now));
  const documents = createDocumentSource(config.persistedQueries, timers, logger);
  const live = new LiveQueries({ cache, hidesSuggestions: hidden, logger, metrics, timers, tracing });
  const unfollow = parts.feed.follow({ onLive: () => live.resume() });
  let stopFollowing = () => {};
  const answer = createAnswer({
    admission,
    middlewares,
    responses,
    positions,
    documents,
    guard,
    schema,
    prepared: new PreparedOperations({ schema, validate }),
    apollo,
    hidesSuggestions: hidden,
    logger,
    metrics,
    tracing,
  });
  return {
    answer,
    admission,
    live,
    schema,
    async start() {
      await apollo.start();
      stopFollowing = documents.start();
    },
    async stop() {
      unfollow();
      stopFollowing();
      await apollo.stop();
    },
  };
}

function createDocumentSource(
  { exceptAdmin, file, mode }: Config['persistedQueries'],
  timers: Timers,
  logger: Logger,
): DocumentSource {
  if (file !== undefined) return readTrustedDocuments({ path: file, exceptAdmin, timers, logger });
  return mode === 'on' ? createPersistedQueries() : TEXTS_ONLY;
}
