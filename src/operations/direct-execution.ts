import type { ApolloServerPlugin } from '@apollo/server';
import { type DocumentNode, type OperationDefinitionNode, OperationTypeNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Context } from '../graphql/context.ts';
import { noteIfCacheable } from './cacheability.ts';
import type { CompiledQuery, QueryCompiler } from './compiled-execution.ts';
import type { QueryGuard } from './query-limits.ts';
import { type RequestObserver, reportOperation } from './request-log.ts';

export interface DirectExecutionParts {
  readonly compiler: QueryCompiler;
  readonly queries: Pick<QueryGuard, 'findExcessiveCost'>;
  readonly metrics: RequestObserver;
  readonly isCacheable: (operation: OperationDefinitionNode, document: DocumentNode) => boolean;
}

/** What a request asks for, in a body that says nothing else. */
interface PlainRequest {
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Resolves to the answer as it is sent, or `null` when Apollo Server has to execute the query after all. */
export type DirectQuery = (context: Context) => Promise<string | null>;

interface KnownQuery {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
}

const MAX_QUERIES = 500;

/**
 * Executes queries that Apollo Server has parsed, validated and passed through all its plugins before, and that are
 * compiled by now, without going through that again: only what depends on the request itself is checked each time. An
 * answer with an error is not for this to make; Apollo executes the query again.
 */
export class DirectExecution {
  readonly #parts: DirectExecutionParts;
  readonly #known = new LRUCache<string, KnownQuery>({ max: MAX_QUERIES });

  constructor(parts: DirectExecutionParts) {
    this.#parts = parts;
  }

  /** Learns the queries that Apollo Server would execute. Belongs behind all plugins that may refuse them. */
  get plugin(): ApolloServerPlugin<Context> {
    const known = this.#known;
    return {
      async requestDidStart() {
        return {
          async responseForOperation({ document, operation, request, source }) {
            if (operation?.operation === OperationTypeNode.QUERY && source !== undefined) {
              known.set(keyOf(source, request.operationName ?? null), { document, operation });
            }
            return null;
          },
        };
      },
    };
  }

  /** How to execute what a body asks for; `null` when the request has to go through Apollo Server. */
  find(body: unknown): DirectQuery | null {
    const request = asPlainRequest(body);
    const known = request && this.#known.get(keyOf(request.query, request.operationName));
    if (!known) return null;
    const { compiler, queries } = this.#parts;
    const { document, operation } = known;
    const { variables } = request;
    const compiled = compiler.find(document, operation, variables);
    if (!compiled || queries.findExcessiveCost(document, operation, variables)) return null;
    return (context) => this.#execute(compiled, known, variables, context);
  }

  async #execute(
    compiled: CompiledQuery,
    { document, operation }: KnownQuery,
    variables: PlainRequest['variables'],
    context: Context,
  ): Promise<string | null> {
    const startedAtMs = performance.now();
    const result = await compiled(context, variables);
    if (!result) {
      context.answer.isForGraphqlJs = true;
      return null;
    }
    const name = operation.name?.value ?? null;
    noteIfCacheable(context, this.#parts.isCacheable(operation, document), name);
    const durationMs = performance.now() - startedAtMs;
    reportOperation({ name, type: 'query', durationMs, errors: [] }, context, this.#parts.metrics);
    const { data } = result;
    return `${JSON.stringify(context.reads.stale > 0 ? { data, extensions: { stale: true } } : { data })}\n`;
  }
}

function keyOf(query: string, operationName: string | null): string {
  return operationName === null ? `any ${query}` : `one ${JSON.stringify(operationName)} ${query}`;
}

function asPlainRequest(body: unknown): PlainRequest | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return null;
  const { query, operationName = null, variables = null, ...rest } = body as Record<string, unknown>;
  if (typeof query !== 'string' || !(operationName === null || typeof operationName === 'string')) return null;
  if (typeof variables !== 'object' || Array.isArray(variables)) return null;
  // Extensions ask for something else, and what is not of the protocol is not for this to judge.
  for (const name in rest) if (rest[name] != null) return null;
  return { query, operationName, variables: (variables ?? {}) as PlainRequest['variables'] };
}
