import {
  type DirectiveNode,
  type DocumentNode,
  type ExecutionResult,
  execute,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Context } from '../graphql/context.ts';
import { findLive } from '../graphql/live-directive.ts';
import { isCacheable } from './cacheability.ts';
import { type CompiledQuery, compileQuery } from './compiled-query.ts';
import { type CostFunction, createCostFunction } from './query-cost.ts';
import { applySkipInclude, resolveSkipInclude, skipIncludeVariables } from './skip-include.ts';
import type { Validator } from './validation.ts';

export type Variables = Readonly<Record<string, unknown>>;

export interface PreparedOperationsOptions {
  readonly schema: GraphQLSchema;
  readonly validate: Validator;
  /** Executions by graphql-js before a query is compiled, which costs as much as many executions. Default 3. */
  readonly compileAfter?: number | undefined;
  /** Texts remembered. Default 500. */
  readonly maxTexts?: number | undefined;
}

/** Of all valid texts together. A parsed document takes some 40 bytes per character. */
const MAX_CHARACTERS = 750_000;
/** Texts with errors are remembered apart, so that they cannot evict valid ones. */
const MAX_REFUSED = { texts: 100, characters: 100_000 };
/** Caps the @skip/@include variants per operation, so that one client cannot evict everything else. */
const MAX_VARIANTS = 16;
/** Fields of all compiled queries together: some ten megabytes. */
const MAX_COMPILED_FIELDS = 20_000;

/**
 * Remembers everything that is known about the text of a document: its errors, or its document and, for each operation,
 * what the operation costs, whether its responses may be stored, how often it was executed, and its compiled form.
 */
export class PreparedOperations {
  readonly #validate: Validator;
  readonly #shared: SharedByOperations;
  readonly #valid: LRUCache<string, PreparedDocument>;
  readonly #refused = new LRUCache<string, PreparedDocument>({
    max: MAX_REFUSED.texts,
    maxSize: MAX_REFUSED.characters,
    sizeCalculation: (_document, text) => text.length,
  });

  constructor({ schema, validate, compileAfter = 3, maxTexts = 500 }: PreparedOperationsOptions) {
    this.#validate = validate;
    this.#shared = { schema, compileAfter, onCompiled: () => this.#makeRoom() };
    this.#valid = new LRUCache({
      max: maxTexts,
      maxSize: MAX_CHARACTERS,
      sizeCalculation: (_document, text) => text.length,
    });
  }

  /** What is known about `text`, which is parsed and validated when it is new. */
  prepare(text: string): PreparedDocument {
    const known = this.#valid.get(text) ?? this.#refused.get(text);
    if (known) return known;
    const { document, errors } = this.#validate(text);
    const prepared = new PreparedDocument(document, errors, this.#shared);
    (errors ? this.#refused : this.#valid).set(text, prepared);
    return prepared;
  }

  /** The document that was just compiled is the most recently used, and smaller than the bound. */
  #makeRoom(): void {
    let fields = 0;
    for (const { compiledFields } of this.#valid.values()) fields += compiledFields;
    while (fields > MAX_COMPILED_FIELDS && this.#valid.size > 1) fields -= this.#valid.pop()!.compiledFields;
  }
}

interface SharedByOperations {
  readonly schema: GraphQLSchema;
  readonly compileAfter: number;
  readonly onCompiled: () => void;
}

/** A text that was parsed and validated. */
export class PreparedDocument {
  /** Why the document may not be executed; `null`: it may. */
  readonly errors: readonly GraphQLError[] | null;
  readonly #document: DocumentNode | null;
  readonly #shared: SharedByOperations;
  readonly #operations = new Map<OperationDefinitionNode, PreparedOperation>();

  constructor(document: DocumentNode | null, errors: readonly GraphQLError[] | null, shared: SharedByOperations) {
    this.#document = document;
    this.errors = errors;
    this.#shared = shared;
  }

  /** The operation of that name, or the only one; `null` when there is none, and when the document has errors. */
  select(operationName: string | null): PreparedOperation | null {
    const operation = this.#document && getOperationAST(this.#document, operationName);
    if (!operation) return null;
    let prepared = this.#operations.get(operation);
    if (!prepared) {
      prepared = new PreparedOperation(this.#document!, operation, this.#shared);
      this.#operations.set(operation, prepared);
    }
    return prepared;
  }

  /** Why `select` found none, as graphql-js words it. Only for a document without errors. */
  explainSelection(operationName: string | null): readonly GraphQLError[] {
    const { errors } = execute({ schema: this.#shared.schema, document: this.#document!, operationName }) as {
      errors: readonly GraphQLError[];
    };
    return errors;
  }

  /** The fields of all compiled forms. */
  get compiledFields(): number {
    let sum = 0;
    for (const { compiledFields } of this.#operations.values()) sum += compiledFields;
    return sum;
  }
}

/**
 * One operation of a valid document.
 *
 * A query is compiled after its first executions. A compiled query must answer exactly as graphql-js does, so only data
 * is taken from it: when it meets an error, in a variable or in a field, graphql-js executes the query again, which has
 * no effects, and words and places the error. A mutation has effects, so graphql-js executes it, once.
 */
export class PreparedOperation {
  readonly document: DocumentNode;
  readonly definition: OperationDefinitionNode;
  readonly type: 'query' | 'mutation' | 'subscription';
  /** `null` for an anonymous one. */
  readonly name: string | null;
  /** Whether its responses, when they have no errors, may be stored. */
  readonly isCacheable: boolean;
  /** The directive that makes it a live query; `null`: it has none. */
  readonly live: DirectiveNode | null;
  readonly costOf: CostFunction;
  compiledFields = 0;
  readonly #shared: SharedByOperations;
  #executions = 0;
  /** The variables that `@skip` and `@include` depend on; `null`: there are no such directives. Read when it is compiled. */
  #conditions: readonly string[] | null | undefined;
  /** By the values of those variables; `null`: this variant cannot be compiled. */
  readonly #compiled = new Map<string, CompiledQuery | null>();

  constructor(document: DocumentNode, definition: OperationDefinitionNode, shared: SharedByOperations) {
    this.document = document;
    this.definition = definition;
    this.type = definition.operation;
    this.name = definition.name?.value ?? null;
    this.isCacheable = isCacheable(shared.schema, document, definition);
    this.live = findLive(definition);
    this.costOf = createCostFunction(document, definition);
    this.#shared = shared;
  }

  /** Executes a query or a mutation. @param variables as the client sent them */
  async execute(context: Context, variables: Variables): Promise<ExecutionResult> {
    this.#executions += 1;
    const isCompiled = this.type === 'query' && this.#executions > this.#shared.compileAfter;
    const compiled = isCompiled ? this.findCompiled(variables) : null;
    const data = compiled && (await compiled.execute(context, variables));
    if (data) return { data };
    return execute({
      schema: this.#shared.schema,
      document: this.document,
      operationName: this.name,
      contextValue: context,
      variableValues: variables,
    });
  }

  /** The compiled form for `variables`, which is made when it is new; `null` when there can be none. */
  findCompiled(variables: Variables): CompiledQuery | null {
    if (this.#conditions === undefined) this.#conditions = skipIncludeVariables(this.document);
    const values = resolveSkipInclude(this.#conditions ?? [], this.definition, variables);
    if (!values) return null;
    const variant = values.size === 0 ? '' : [...values.values()].join();
    const known = this.#compiled.get(variant);
    if (known !== undefined || this.#compiled.size >= MAX_VARIANTS) return known ?? null;
    const compiled = this.#compile(this.#conditions ? applySkipInclude(this.document, values) : this.document);
    this.#compiled.set(variant, compiled);
    if (compiled) {
      this.compiledFields += compiled.fieldCount;
      this.#shared.onCompiled();
    }
    return compiled;
  }

  #compile(document: DocumentNode): CompiledQuery | null {
    // The compiled form writes object literals, in which this key means something else.
    if (this.document.loc?.source.body.includes('__proto__')) return null;
    const place = this.document.definitions.indexOf(this.definition);
    return compileQuery(this.#shared.schema, document, document.definitions[place] as OperationDefinitionNode);
  }
}
