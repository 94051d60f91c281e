import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLFieldResolver,
  GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getArgumentValues,
  getVariableValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  Kind,
  type NamedTypeNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
  typeFromAST,
} from 'graphql';
import type { Context } from '../graphql/context.ts';

type Path = GraphQLResolveInfo['path'];
type Data = Record<string, unknown>;

/** Writes the selected fields of one object into a part of the response. */
type ObjectWriter = (source: object, path: Path | undefined, execution: Execution) => Data;

/** How a value of some type becomes part of the response. */
type Completion = { readonly isNonNull: boolean; readonly needsPath: boolean } & (
  | { readonly kind: 'leaf'; readonly name: string; readonly serialize: (value: unknown) => unknown }
  | { readonly kind: 'list'; readonly item: Completion }
  | { readonly kind: 'object'; readonly write: ObjectWriter }
);

interface FieldPlan {
  /** Its key in the response. */
  readonly key: string;
  readonly nodes: readonly FieldNode[];
  readonly parentType: GraphQLObjectType;
  readonly definition: GraphQLField<unknown, unknown>;
  /** `undefined`: the field is a property of its object. */
  readonly resolve: GraphQLFieldResolver<unknown, unknown> | undefined;
  readonly needsInfo: boolean;
  /** Whether the resolver, or one below it, reads `info.path`. */
  readonly needsPath: boolean;
  readonly completion: Completion;
}

/** One query as generated code. */
export interface CompiledQuery {
  /**
   * Resolves to `data`, or to `null` when a variable or a field has an error, or a value needs graphql-js.
   * @param variables as the client sent them
   */
  execute(context: Context, variables: Readonly<Record<string, unknown>>): Promise<Data | null>;
  /** Its size in memory is proportional to this. */
  readonly fieldCount: number;
}

/**
 * Compiles a valid query without `@skip` and `@include`. As long as nothing fails, the result is that of graphql-js
 * (GraphQL, "Execution"). Errors end the execution without a result: graphql-js then executes the query again, and words
 * and places them. So the generated code carries no error handling, and writes the objects of the response directly.
 * @returns `null` for a query with abstract types, which are known only during execution, and for introspection
 */
export function compileQuery(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): CompiledQuery | null {
  const type = schema.getRootType(operation.operation);
  const fragments = Object.fromEntries(
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
    ),
  );
  const query: Query = { schema, operation, fragments, fieldCount: 0 };
  const root = type && compileObject(query, type, [operation.selectionSet]);
  if (!root) return null;
  return {
    execute: (context, variables) => new Execution(query, context).run(root.write, variables),
    fieldCount: query.fieldCount,
  };
}

interface Query {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  /** Counted while the query is compiled. */
  fieldCount: number;
}

function compileObject(query: Query, type: GraphQLObjectType, selections: readonly SelectionSetNode[]) {
  const fields: (FieldPlan | string)[] = [];
  for (const [key, nodes] of collectFields(query, type, selections)) {
    query.fieldCount += 1;
    const field = nodes[0]!.name.value === '__typename' ? key : compileField(query, type, key, nodes);
    if (!field) return null;
    fields.push(field);
  }
  const needsPath = fields.some((field) => typeof field !== 'string' && field.needsPath);
  return { write: generateObjectWriter(type, fields), needsPath };
}

function compileField(
  query: Query,
  parentType: GraphQLObjectType,
  key: string,
  nodes: readonly FieldNode[],
): FieldPlan | null {
  const definition = parentType.getFields()[nodes[0]!.name.value];
  const completion = definition && compileType(query, definition.type, nodes);
  if (!completion) return null;
  const { resolve } = definition;
  // A function with fewer parameters than arguments ignores the last argument, unless it has a rest parameter.
  const needsInfo = resolve !== undefined && (resolve.length === 0 || resolve.length > 3);
  const needsPath = needsInfo || completion.needsPath;
  return { key, nodes, parentType, definition, resolve, needsInfo, needsPath, completion };
}

function compileType(query: Query, type: GraphQLOutputType, nodes: readonly FieldNode[]): Completion | null {
  if (isNonNullType(type)) {
    const completion = compileType(query, type.ofType, nodes);
    return completion && { ...completion, isNonNull: true };
  }
  if (isListType(type)) {
    const item = compileType(query, type.ofType, nodes);
    return item && { kind: 'list', item, isNonNull: false, needsPath: item.needsPath };
  }
  if (isLeafType(type)) {
    const serialize = (value: unknown) => type.serialize(value);
    return { kind: 'leaf', name: type.name, serialize, isNonNull: false, needsPath: false };
  }
  if (!(type instanceof GraphQLObjectType) || type.isTypeOf) return null;
  const object = compileObject(
    query,
    type,
    nodes.flatMap(({ selectionSet }) => selectionSet ?? []),
  );
  return object && { kind: 'object', ...object, isNonNull: false };
}

/** The nodes of each field by its key in the response, in order of first occurrence ("CollectFields"). */
function collectFields(
  query: Query,
  type: GraphQLObjectType,
  selections: readonly SelectionSetNode[],
  found = new Map<string, FieldNode[]>(),
): ReadonlyMap<string, readonly FieldNode[]> {
  for (const selection of selections.flatMap((set) => set.selections)) {
    if (selection.kind === Kind.FIELD) {
      const key = (selection.alias ?? selection.name).value;
      found.set(key, [...(found.get(key) ?? []), selection]);
      continue;
    }
    const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? query.fragments[selection.name.value]! : selection;
    if (appliesTo(query.schema, fragment.typeCondition, type))
      collectFields(query, type, [fragment.selectionSet], found);
  }
  return found;
}

function appliesTo(schema: GraphQLSchema, named: NamedTypeNode | undefined, type: GraphQLObjectType): boolean {
  const condition = named && typeFromAST(schema, named);
  return !condition || condition === type || (isAbstractType(condition) && schema.isSubType(condition, type));
}

/** By the name of a scalar, the test that a value is its own serialized form. */
const IS_SERIALIZED: Readonly<Record<string, (value: string) => string>> = {
  ID: (value) => `typeof ${value} === 'string'`,
  String: (value) => `typeof ${value} === 'string'`,
  Boolean: (value) => `typeof ${value} === 'boolean'`,
  Int: (value) => `(${value} | 0) === ${value}`,
  Float: (value) => `typeof ${value} === 'number' && ${value} - ${value} === 0`,
};

/**
 * Generates the function that writes an object. All fields stand in one literal, so that V8 knows the object's shape in
 * advance. Only names of the query enter the code: letters, digits and underscores (GraphQL, "Names").
 */
function generateObjectWriter(type: GraphQLObjectType, fields: readonly (FieldPlan | string)[]): ObjectWriter {
  const values = fields.map((field, index) => (typeof field === 'string' ? '' : writeValue(field, index)));
  const parts = fields.map((field, index) =>
    typeof field === 'string'
      ? `${JSON.stringify(field)}: ${JSON.stringify(type.name)}`
      : `${JSON.stringify(field.key)}: value${index}`,
  );
  const text = `'use strict';
    const [${fields.map((_field, index) => `field${index}`).join()}] = fields;
    return (source, path, execution) => {
      let isPending = false;
      ${values.join('\n')}
      const written = { ${parts.join()} };
      return isPending ? execution.awaitParts(written) : written;
    };`;
  return new Function('fields', 'PendingValue', text)(fields, PendingValue);
}

function writeValue({ resolve, completion, definition }: FieldPlan, index: number): string {
  const value = `value${index}`;
  const notePending = `if (${value} instanceof PendingValue) isPending = true;`;
  const isSerialized = completion.kind === 'leaf' ? IS_SERIALIZED[completion.name] : undefined;
  if (resolve || !isSerialized) return `const ${value} = execution.field(field${index}, source, path); ${notePending}`;
  const isDone = completion.isNonNull ? isSerialized(value) : `${value} === null || ${isSerialized(value)}`;
  return `let ${value} = source[${JSON.stringify(definition.name)}];
    if (!(${isDone})) { ${value} = execution.field(field${index}, source, path); ${notePending} }`;
}

/** A part of the response that is not there yet. */
class PendingValue {
  readonly part: Promise<unknown>;

  constructor(part: Promise<unknown>) {
    this.part = part;
    // After another part has failed nothing waits for this one, and its rejection would be unhandled.
    part.catch(() => {});
  }
}

/** Stands for the root value, which is undefined. */
const ROOT = Object.freeze({});

/** One execution of a query. The first failure ends it without a result. */
class Execution {
  readonly #query: Query;
  readonly #context: Context;
  #variables: Readonly<Record<string, unknown>> = ROOT;
  /** How many parts are pending, and what to call when none is. */
  #missing = 0;
  #end: (isWhole: boolean) => void = () => {};

  constructor(query: Query, context: Context) {
    this.#query = query;
    this.#context = context;
  }

  async run(write: ObjectWriter, given: Readonly<Record<string, unknown>>): Promise<Data | null> {
    const { schema, operation } = this.#query;
    const variables = getVariableValues(schema, operation.variableDefinitions ?? [], given, { maxErrors: 1 });
    if (!variables.coerced) return null;
    this.#variables = variables.coerced;
    try {
      const data = write(ROOT, undefined, this);
      if (this.#missing === 0) return data;
      const isWhole = await new Promise<boolean>((resolve) => {
        this.#end = resolve;
      });
      return isWhole ? data : null;
    } catch {
      return null;
    }
  }

  /** The value of a field in the response, or its `PendingValue`. */
  field(field: FieldPlan, source: object, parentPath: Path | undefined): unknown {
    const { key, parentType, needsPath } = field;
    const path = needsPath ? { prev: parentPath, key, typename: parentType.name } : undefined;
    return this.#complete(field.completion, this.#resolve(field, source, path), path);
  }

  #resolve({ resolve, nodes, definition, parentType, needsInfo }: FieldPlan, source: object, path: Path | undefined) {
    if (!resolve) {
      const value = (source as Data)[definition.name];
      if (typeof value === 'function') throw new Error('graphql-js calls methods.');
      return value;
    }
    const args = definition.args.length > 0 ? getArgumentValues(definition, nodes[0]!, this.#variables) : {};
    const { schema, operation, fragments } = this.#query;
    const info = needsInfo
      ? {
          schema,
          operation,
          fragments,
          fieldName: definition.name,
          fieldNodes: nodes,
          returnType: definition.type,
          parentType,
          path: path!,
          rootValue: undefined,
          variableValues: this.#variables,
        }
      : undefined;
    return resolve(source === ROOT ? undefined : source, args, this.#context, info as GraphQLResolveInfo);
  }

  #complete(completion: Completion, value: unknown, path: Path | undefined): unknown {
    if (value === null || value === undefined) {
      if (completion.isNonNull) throw new Error('A value is missing.');
      return null;
    }
    if (value instanceof Error) throw value;
    if (isPromise(value)) return new PendingValue(value.then((known) => this.#complete(completion, known, path)));
    if (completion.kind === 'leaf') return serialize(completion, value);
    if (typeof value !== 'object') throw new Error('A value is not an object.');
    return completion.kind === 'list'
      ? this.#completeItems(completion, value, path)
      : completion.write(value, path, this);
  }

  #completeItems({ item, needsPath }: Completion & { kind: 'list' }, value: object, path: Path | undefined): unknown[] {
    const items: unknown[] = [];
    let isPending = false;
    for (const element of value as Iterable<unknown>) {
      const itemPath = needsPath ? { prev: path, key: items.length, typename: undefined } : undefined;
      const part = this.#complete(item, element, itemPath);
      if (part instanceof PendingValue) isPending = true;
      items.push(part);
    }
    return isPending ? this.awaitParts(items) : items;
  }

  /** Replaces the pending parts of an object or a list as they settle. */
  awaitParts<Parts extends object>(parts: Parts): Parts {
    for (const [key, part] of Object.entries(parts)) {
      if (!(part instanceof PendingValue)) continue;
      this.#missing += 1;
      part.part.then(
        (known) => {
          (parts as Data)[key] = known;
          this.#missing -= 1;
          if (this.#missing === 0) this.#end(true);
        },
        () => this.#end(false),
      );
    }
    return parts;
  }
}

function serialize(completion: Completion & { kind: 'leaf' }, value: unknown): unknown {
  const serialized = completion.serialize(value);
  if (serialized === null || serialized === undefined) throw new Error('A value has no serialized form.');
  return serialized;
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { readonly then?: unknown }).then === 'function';
}
