import { ApolloServer, type ApolloServerPlugin, HeaderMap, type HTTPGraphQLResponse } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { DocumentNode, GraphQLFormattedError, GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Config } from '../../config/config.ts';
import type { Context } from '../../graphql/context.ts';
import { presentError, presentErrors } from '../../graphql/errors.ts';
import type { AskedOperation, HttpRequestHead } from '../operation.ts';
import { createSandboxPage } from './sandbox-page.ts';

export interface ApolloParts {
  readonly config: Pick<Config, 'environment' | 'persistedQueries'>;
  readonly schema: GraphQLSchema;
  readonly logger: Logger;
  readonly hidesSuggestions: boolean;
}

/** The result of an operation as Apollo Server has it: errors are presented. */
export interface ApolloResult {
  readonly result: {
    readonly errors?: readonly GraphQLFormattedError[];
    readonly data?: unknown;
    readonly extensions?: Record<string, unknown>;
  };
  readonly http: { readonly status: number | undefined; readonly headers: ReadonlyMap<string, string> };
}

/** Apollo Server, for what is not executed: it words refusals as its clients expect them, and shows Sandbox. */
export interface Apollo {
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Refuses what was asked: a subscription over HTTP, a GET that is no query, a persisted query that cannot be found.
   * @param document as it was prepared: it is neither parsed nor validated again; `null`: there is none
   */
  refuse(
    asked: AskedOperation,
    document: DocumentNode | null,
    http: HttpRequestHead | null,
    context: Context,
  ): Promise<ApolloResult>;
  /** Answers an HTTP request that asks for no operation: with Apollo Sandbox, or with a refusal. */
  answerHttp(http: HttpRequestHead, context: Context): Promise<HTTPGraphQLResponse>;
}

/** Under which a request to Apollo Server carries its document. */
const DOCUMENT = Symbol('document');

export function createApollo({ config, schema, logger, hidesSuggestions }: ApolloParts): Apollo {
  const errors = createErrorPresenter(logger, hidesSuggestions);
  const server = new ApolloServer<Context>({
    schema,
    logger,
    nodeEnv: config.environment,
    // Every document it gets has been validated, also against introspection where that is off.
    introspection: true,
    includeStacktraceInErrorResponses: false,
    // The transport has decided that.
    csrfPrevention: false,
    stopOnTerminationSignals: false,
    formatError: errors.formatError,
    // Texts of persisted queries are found before Apollo Server is asked; it words the refusals.
    persistedQueries: config.persistedQueries.mode === 'on' ? {} : false,
    documentStore: null,
    plugins: [
      errors.plugin,
      useGivenDocument,
      // It would look at every field of every answer, and no proxy may store one anyway.
      ApolloServerPluginCacheControlDisabled(),
      config.environment === 'production' ? ApolloServerPluginLandingPageDisabled() : createSandboxPage(),
    ],
  });
  return {
    start: () => server.start(),
    stop: () => server.stop(),
    async refuse({ query, operationName, variables, extensions }, document, http, context) {
      const request = {
        query: query || undefined,
        operationName: operationName || undefined,
        variables: variables ?? undefined,
        extensions: document ? undefined : (extensions ?? undefined),
        http: http ? { ...http, headers: toHeaderMap(http) } : undefined,
        [DOCUMENT]: document ?? undefined,
      };
      const { body, http: head } = await server.executeOperation(request as object, { contextValue: context });
      if (body.kind !== 'single') throw new Error('Incremental delivery is not supported.');
      return { result: body.singleResult, http: { status: head.status, headers: head.headers } };
    },
    answerHttp: (http, context) =>
      server.executeHTTPGraphQLRequest({
        httpGraphQLRequest: { ...http, headers: toHeaderMap(http) },
        context: async () => context,
      }),
  };
}

/** Apollo Server parses and validates only when there is no document yet. */
const useGivenDocument: ApolloServerPlugin<Context> = {
  async requestDidStart() {
    return {
      async didResolveSource(requestContext) {
        const document = (requestContext.request as { readonly [DOCUMENT]?: DocumentNode })[DOCUMENT];
        if (!document) throw new Error('Apollo Server executes prepared documents only.');
        Object.assign(requestContext, { document });
      },
    };
  },
};

/**
 * `presentErrors` for Apollo Server. Its `formatError` is not told which request an error belongs to, so a plugin, which
 * is, presents the errors first, and `formatError` returns the result. `logger` is for errors outside any request.
 */
function createErrorPresenter(logger: Logger, hidesSuggestions: boolean) {
  const presented = new WeakMap<object, GraphQLFormattedError>();
  const plugin: ApolloServerPlugin<Context> = {
    requestDidStart: async () => ({
      async didEncounterErrors({ errors, contextValue: { logger, requestId } }) {
        presentErrors(errors, { logger, requestId, hidesSuggestions }).forEach((formatted, index) => {
          presented.set(errors[index]!, formatted);
        });
      },
    }),
    async unexpectedErrorProcessingRequest({ error }) {
      // Apollo Server would replace it; the transport presents it, and logs it with the request id.
      throw error;
    },
  };
  const formatError = (_formatted: GraphQLFormattedError, error: unknown) =>
    (error instanceof Error ? presented.get(error) : undefined) ?? presentError(error, { logger, hidesSuggestions });
  return { plugin, formatError };
}

function toHeaderMap({ headers }: HttpRequestHead): HeaderMap {
  const map = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return map;
}
