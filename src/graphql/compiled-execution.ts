import type { ApolloServerPlugin } from '@apollo/server';
import { type DocumentNode, type GraphQLSchema, OperationTypeNode } from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';
import type { Context } from './context.ts';

export interface CompilerOptions {
  /** How often a query is executed as it is before it is compiled, which takes as long as many executions. Default 3. */
  readonly threshold?: number;
  /** Queries remembered, compiled or not; the least recently used are forgotten first. Default 500. */
  readonly maxQueries?: number;
}

/** Executes one query, for `variables` as the client sent them. */
export type CompiledQuery = (context: Context, variables: Record<string, unknown>) => Promise<ExecutedData | null>;

/** What came of a query without errors. */
export interface ExecutedData {
  readonly data: Record<string, unknown>;
}

interface KnownQuery {
  executions: number;
  /** `null`: it cannot be compiled. */
  compiled?: CompiledQuery | null;
}

/**
 * Compiles the queries that come often, by graphql-jit, which makes a function of each.
 *
 * What is compiled must answer exactly as graphql-js does. So only data is taken from it: whatever has an error, in its
 * variables or in a field, is executed again by graphql-js, which words and places errors by the book. Queries have no
 * effects, and what they read is still held by the loaders of the operation.
 */
export class QueryCompiler {
  readonly #schema: GraphQLSchema;
  readonly #threshold: number;
  readonly #known: LRUCache<DocumentNode, Map<string, KnownQuery>>;

  constructor(schema: GraphQLSchema, { threshold = 3, maxQueries = 500 }: CompilerOptions = {}) {
    this.#schema = schema;
    this.#threshold = threshold;
    this.#known = new LRUCache({ max: maxQueries });
  }

  /** The compiled form of a query of a document that was validated, once it has come often enough; else `null`. */
  find(document: DocumentNode, operationName: string | null): CompiledQuery | null {
    const operations = this.#known.get(document);
    const name = operationName ?? '';
    const known = operations?.get(name);
    if (!known) {
      if (operations) operations.set(name, { executions: 1 });
      else this.#known.set(document, new Map([[name, { executions: 1 }]]));
      return null;
    }
    if (known.compiled === undefined && ++known.executions > this.#threshold) {
      known.compiled = this.#compile(document, operationName);
    }
    return known.compiled ?? null;
  }

  #compile(document: DocumentNode, operationName: string | null): CompiledQuery | null {
    // The function's results are object literals, in which this key means something else.
    if (document.loc?.source.body.includes('__proto__')) return null;
    const compiled = compileQuery(this.#schema, document, operationName ?? '', { disablingCapturingStackErrors: true });
    if (!isCompiledQuery(compiled)) return null;
    return async (context, variables) => {
      const { data, errors } = await compiled.query(undefined, context, variables);
      return errors || !data ? null : { data };
    };
  }
}

/** Lets compiled queries answer in the place of graphql-js. */
export function executeCompiled(compiler: QueryCompiler): ApolloServerPlugin<Context> {
  return {
    async requestDidStart() {
      return {
        async responseForOperation({ contextValue, document, operation, operationName, request, response }) {
          // None is there when the client named one that the document does not have; it is refused later on.
          if (operation?.operation !== OperationTypeNode.QUERY) return null;
          const execute = compiler.find(document, operationName);
          const result = await execute?.(contextValue, request.variables ?? {});
          return result ? { http: response.http, body: { kind: 'single', singleResult: result } } : null;
        },
      };
    },
  };
}
