import type { ApolloServerPlugin } from '@apollo/server';
import { type DocumentNode, type GraphQLSchema, type OperationDefinitionNode, OperationTypeNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Context } from '../graphql/context.ts';
import { compileQuery } from './compiled-query.ts';
import { applySkipInclude, resolveSkipInclude, skipIncludeVariables } from './skip-include.ts';

export interface CompilerOptions {
  /** How often a query is executed as it is before it is compiled, which takes as long as many executions. Default 3. */
  readonly threshold?: number;
  /** Queries remembered, compiled or not; the least recently used are forgotten first. Default 500. */
  readonly maxQueries?: number;
}

/** Executes one query, for `variables` as the client sent them. */
export type CompiledQuery = (
  context: Context,
  variables: Readonly<Record<string, unknown>>,
) => Promise<ExecutedData | null>;

/** What came of a query without errors. */
export interface ExecutedData {
  readonly data: Record<string, unknown>;
}

interface KnownQuery {
  executions: number;
  /** The variables that decide what of it is executed; `null`: nothing does. Known once it is compiled. */
  conditions?: readonly string[] | null;
  /** By what those variables say. `null`: it cannot be compiled. */
  readonly compiled: Map<string, CompiledQuery | null>;
  /** Of all its programs. */
  fieldCount: number;
}

/** More ways to settle its conditions than this a query has in earnest only to crowd out others. */
const MAX_VARIANTS = 16;
/** Of all programs together, in fields: some ten megabytes. */
const MAX_FIELDS = 20_000;

/**
 * Compiles the queries that come often.
 *
 * What is compiled must answer exactly as graphql-js does. So only data is taken from it: whatever has an error, in its
 * variables or in a field, is executed again by graphql-js, which words and places errors by the book. Queries have no
 * effects; and a program is tried once for a request, because what failed may have taken long to do so. `@skip` and
 * `@include` are settled before, so that what a program makes is the same each time.
 */
export class QueryCompiler {
  readonly #schema: GraphQLSchema;
  readonly #threshold: number;
  readonly #known: LRUCache<OperationDefinitionNode, KnownQuery>;
  #fieldCount = 0;

  constructor(schema: GraphQLSchema, { threshold = 3, maxQueries = 500 }: CompilerOptions = {}) {
    this.#schema = schema;
    this.#threshold = threshold;
    const dispose = ({ fieldCount }: KnownQuery) => {
      this.#fieldCount -= fieldCount;
    };
    this.#known = new LRUCache({ max: maxQueries, dispose });
  }

  /**
   * The compiled form of a query of a document that was validated, once it has come often enough; else `null`.
   * @param variables as the client sent them
   */
  find(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Readonly<Record<string, unknown>>,
  ): CompiledQuery | null {
    const known = this.#known.get(operation);
    if (!known) {
      this.#known.set(operation, { executions: 1, compiled: new Map(), fieldCount: 0 });
      return null;
    }
    if (++known.executions <= this.#threshold) return null;
    if (known.conditions === undefined) known.conditions = skipIncludeVariables(document);
    const settled = resolveSkipInclude(known.conditions ?? [], operation, variables);
    if (!settled) return null;
    const variant = [...settled.values()].join();
    let compiled = known.compiled.get(variant);
    if (compiled === undefined && known.compiled.size < MAX_VARIANTS) {
      const rest = known.conditions ? applySkipInclude(document, settled) : document;
      const place = document.definitions.indexOf(operation);
      compiled = this.#compile(rest, rest.definitions[place] as OperationDefinitionNode, known);
      known.compiled.set(variant, compiled);
      // Rarely, and then they come again that are asked for often.
      if (this.#fieldCount > MAX_FIELDS) this.#known.clear();
    }
    return compiled ?? null;
  }

  #compile(document: DocumentNode, operation: OperationDefinitionNode, known: KnownQuery): CompiledQuery | null {
    // The program's results are object literals, in which this key means something else.
    if (document.loc?.source.body.includes('__proto__')) return null;
    const program = compileQuery(this.#schema, document, operation);
    if (!program) return null;
    known.fieldCount += program.fieldCount;
    this.#fieldCount += program.fieldCount;
    return async (context, variables) => {
      const data = await program.execute(context, variables);
      return data && { data };
    };
  }
}

/** Lets compiled queries answer in the place of graphql-js. */
export function executeCompiled(compiler: QueryCompiler): ApolloServerPlugin<Context> {
  return {
    async requestDidStart() {
      return {
        async responseForOperation({ contextValue, document, operation, request, response }) {
          // None is there when the client named one that the document does not have; it is refused later on.
          if (operation?.operation !== OperationTypeNode.QUERY || contextValue.answer.isForGraphqlJs) return null;
          const variables = request.variables ?? {};
          const result = await compiler.find(document, operation, variables)?.(contextValue, variables);
          return result ? { http: response.http, body: { kind: 'single', singleResult: result } } : null;
        },
      };
    },
  };
}
