import 'reflect-metadata';
import {
  type GraphQLField,
  GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLObjectType,
  getNamedType,
  isEnumType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';
import { getMetadataStorage } from 'type-graphql';
import type { Role } from '../../src/auth/identity.ts';
import { features } from '../../src/features/index.ts';
import { createSchema } from '../../src/graphql/schema.ts';

/*
 * What the schema says of itself: its fields, who may ask for them by their `@Authorized`, and how to ask. Nothing here
 * names a field, so that a new one is found without anybody thinking of it.
 */

/** One field on the way from an operation to the field in question. */
export interface Step {
  readonly type: GraphQLObjectType;
  readonly name: string;
  /** The arguments it cannot do without, ready to be put into a document. */
  readonly args: string;
  /** Any of these will do; with none named, any role; `undefined`: the field does not say. */
  readonly roles: readonly Role[] | undefined;
  readonly result: GraphQLObjectType | null;
}

export interface ProtectedField {
  /** Such as `Query.workstations`. */
  readonly name: string;
  readonly operation: 'query' | 'mutation' | 'subscription';
  /** The last of them is the field. */
  readonly steps: readonly Step[];
}

const schema = createSchema(features);
const storage = getMetadataStorage();
const ROOTS = {
  query: { type: schema.getQueryType()!, handlers: storage.queries },
  mutation: { type: schema.getMutationType()!, handlers: storage.mutations },
  subscription: { type: schema.getSubscriptionType()!, handlers: storage.subscriptions },
} as const;

/** Every field that names roles, and every root field whether it does or not. */
export function findProtectedFields(): ProtectedField[] {
  const roots = Object.entries(ROOTS).flatMap(([operation, { type }]) =>
    stepsOf(type).map((step) => describe(operation as ProtectedField['operation'], [step])),
  );
  const nested = Object.values(schema.getTypeMap())
    .filter((type) => type instanceof GraphQLObjectType && !isRoot(type))
    .flatMap((type) => stepsOf(type as GraphQLObjectType))
    .filter(({ roles }) => roles !== undefined)
    .map((step) => describe('query', [...findWayTo(step.type), step]));
  return [...roots, ...nested];
}

/** The object types that whoever passes `mayAsk` can get to see something of. */
export function findReachableTypes(mayAsk: (roles: readonly Role[]) => boolean): string[] {
  const isOpen = ({ roles = [], type }: Step) => (isRoot(type) || roles.length > 0 ? mayAsk(roles) : true);
  const reached = new Set<GraphQLObjectType>();
  const visit = (type: GraphQLObjectType) => {
    for (const { result } of stepsOf(type).filter(isOpen)) {
      if (result === null || reached.has(result)) continue;
      reached.add(result);
      visit(result);
    }
  };
  for (const { type } of Object.values(ROOTS)) visit(type);
  return [...reached].map(({ name }) => name).sort();
}

/** Everything of a type down to a depth, without what needs an argument. */
export function selectAll(type: GraphQLObjectType, depth: number): string {
  const fields = stepsOf(type).filter(({ args }) => args === '');
  const selections = fields.map(({ name, result }) => {
    if (result === null) return name;
    return depth > 1 ? `${name} ${selectAll(result, depth - 1)}` : '';
  });
  return `{ __typename ${selections.join(' ')} }`;
}

function describe(operation: ProtectedField['operation'], steps: readonly Step[]): ProtectedField {
  const { type, name } = steps.at(-1)!;
  return { name: `${type.name}.${name}`, operation, steps };
}

function isRoot(type: GraphQLObjectType): boolean {
  return Object.values(ROOTS).some((root) => root.type.name === type.name);
}

function stepsOf(type: GraphQLObjectType): Step[] {
  return Object.values(type.getFields()).map((field) => {
    const named = getNamedType(field.type);
    const result = named instanceof GraphQLObjectType ? named : null;
    return { type, name: field.name, args: requiredArguments(field), roles: rolesOf(type, field.name), result };
  });
}

function rolesOf(type: GraphQLObjectType, name: string): readonly Role[] | undefined {
  const fields = Object.values(ROOTS).find((root) => root.type.name === type.name)?.handlers;
  const described = fields ?? storage.objectTypes.find((metadata) => metadata.name === type.name)?.fields ?? [];
  return described.find(({ schemaName }) => schemaName === name)?.roles as Role[] | undefined;
}

/** The shortest way from a query to a type, by fields that need no arguments. */
function findWayTo(wanted: GraphQLObjectType): Step[] {
  const ways: Step[][] = stepsOf(ROOTS.query.type).map((step) => [step]);
  const seen = new Set<string>();
  for (const way of ways) {
    const { args, result } = way.at(-1)!;
    if (args !== '' || result === null || seen.has(result.name)) continue;
    if (result.name === wanted.name) return way;
    seen.add(result.name);
    ways.push(...stepsOf(result).map((step) => [...way, step]));
  }
  throw new Error(`No query leads to ${wanted.name}.`);
}

function requiredArguments({ args }: GraphQLField<unknown, unknown>): string {
  const required = args.filter(isRequiredArgument).map(({ name, type }) => `${name}: ${makeValue(type)}`);
  return required.length === 0 ? '' : `(${required.join(', ')})`;
}

/** A value that the schema takes; what it is said of does not exist. */
function makeValue(type: GraphQLInputType): string {
  if (isNonNullType(type)) return makeValue(type.ofType);
  if (isListType(type)) return `[${makeValue(type.ofType)}]`;
  if (isEnumType(type)) return type.getValues()[0]!.name;
  if (type instanceof GraphQLInputObjectType) {
    const fields = Object.values(type.getFields()).filter(isRequiredInputField);
    return `{ ${fields.map((field) => `${field.name}: ${makeValue(field.type)}`).join(', ')} }`;
  }
  const value = SCALARS[type.name];
  if (value === undefined) throw new Error(`Say in SCALARS how a ${type.name} looks.`);
  return value;
}

const SCALARS: Record<string, string> = {
  ID: '"01890000-0000-7000-8000-000000000000"',
  String: '"x"',
  Int: '1',
  Float: '1.5',
  Boolean: 'true',
  DateTime: '"2030-01-01T00:00:00Z"',
  EmailAddress: '"x@fleet.example"',
  IP: '"10.0.0.1"',
};
