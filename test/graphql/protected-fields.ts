import 'reflect-metadata';
import {
  type GraphQLField,
  GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLInterfaceType,
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
 * Reads the schema: its fields, the roles of their `@Authorized`, and how to select them. This file names no field, so
 * the tests cover a new field without a change here.
 */

/** A field on the path from an operation to the tested field. */
export interface Step {
  readonly type: OutputType;
  readonly name: string;
  /** Its required arguments, as text for a document. */
  readonly args: string;
  /** The allowed roles; empty: any role; `undefined`: the field has no `@Authorized`. */
  readonly roles: readonly Role[] | undefined;
  readonly result: OutputType | null;
}

type OutputType = GraphQLObjectType | GraphQLInterfaceType;

export interface ProtectedField {
  /** Such as `Query.workstations`. */
  readonly name: string;
  readonly operation: 'query' | 'mutation' | 'subscription';
  /** The path; the last step is the field. */
  readonly steps: readonly Step[];
}

const schema = createSchema(features);
const storage = getMetadataStorage();
const ROOTS = {
  query: { type: schema.getQueryType()!, handlers: storage.queries },
  mutation: { type: schema.getMutationType()!, handlers: storage.mutations },
  subscription: { type: schema.getSubscriptionType()!, handlers: storage.subscriptions },
} as const;

/** Every field with roles, and every root field with or without roles. */
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

/** The object types within reach of a caller that passes `mayAsk`. */
export function findReachableTypes(mayAsk: (roles: readonly Role[]) => boolean): string[] {
  const isOpen = ({ roles }: Step) => roles === undefined || mayAsk(roles);
  const reached = new Set<OutputType>();
  const visit = (type: OutputType) => {
    for (const { result } of stepsOf(type).filter(isOpen)) {
      if (result === null || reached.has(result)) continue;
      reached.add(result);
      visit(result);
    }
  };
  for (const { type } of Object.values(ROOTS)) visit(type);
  return [...reached].map(({ name }) => name).sort();
}

/** All fields of a type down to a depth, without fields that need an argument. */
export function selectAll(type: OutputType, depth: number): string {
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

function isRoot(type: OutputType): boolean {
  return Object.values(ROOTS).some((root) => root.type.name === type.name);
}

function stepsOf(type: OutputType): Step[] {
  return Object.values(type.getFields()).map((field) => {
    const named = getNamedType(field.type);
    const result = named instanceof GraphQLObjectType || named instanceof GraphQLInterfaceType ? named : null;
    return { type, name: field.name, args: requiredArguments(field), roles: rolesOf(type, field.name), result };
  });
}

function rolesOf(type: OutputType, name: string): readonly Role[] | undefined {
  const handlers = Object.values(ROOTS).find((root) => root.type.name === type.name)?.handlers;
  const described = handlers ?? fieldsOf(type);
  return described.find(({ roles, schemaName }) => schemaName === name && roles)?.roles as Role[] | undefined;
}

/** Those that are properties, and those that have a resolver. */
function fieldsOf(type: OutputType) {
  const metadata = storage.objectTypes.find(({ name }) => name === type.name);
  const resolved = storage.fieldResolvers.filter((field) => field.getObjectType?.() === metadata?.target);
  return [...(metadata?.fields ?? []), ...resolved];
}

/** The shortest path from the query type to a type, through fields without required arguments. */
function findWayTo(wanted: OutputType): Step[] {
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

/** A value that the schema accepts; ids in it do not exist. */
function makeValue(type: GraphQLInputType): string {
  if (isNonNullType(type)) return makeValue(type.ofType);
  if (isListType(type)) return `[${makeValue(type.ofType)}]`;
  if (isEnumType(type)) return type.getValues()[0]!.name;
  if (type instanceof GraphQLInputObjectType) {
    const example = INPUTS[type.name];
    if (example) return example;
    const fields = Object.values(type.getFields()).filter(isRequiredInputField);
    return `{ ${fields.map((field) => `${field.name}: ${makeValue(field.type)}`).join(', ')} }`;
  }
  const value = SCALARS[type.name];
  if (value === undefined) throw new Error(`Say in SCALARS how a ${type.name} looks.`);
  return value;
}

/** Inputs that are refused when they are empty, although no field of them is required. */
const INPUTS: Record<string, string> = {
  WorkstationFilter: '{ ids: ["01890000-0000-7000-8000-000000000000"] }',
  UpdateWorkstationsInput: '{ status: ONLINE }',
};

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
