import { type GraphQLFieldResolver, GraphQLObjectType, GraphQLSchema, type OperationTypeNode } from 'graphql';

import type { Context } from './context.ts';

type Resolve = GraphQLFieldResolver<unknown, Context>;

export interface RootField {
  readonly operation: `${OperationTypeNode}`;
  readonly name: string;
}

/**
 * A copy of `schema` in which `wrap` stands before each root field's resolver. What has to happen once an operation
 * belongs here: hooks for every field, TypeGraphQL's middleware and Apollo's plugins alike, make every field of every
 * answer pay, and turn plain properties into promises.
 */
export function wrapRootFields(schema: GraphQLSchema, wrap: (resolve: Resolve, field: RootField) => Resolve) {
  const config = schema.toConfig();
  const wrapType = (type: GraphQLObjectType | null | undefined, operation: RootField['operation']) => {
    if (!type) return type;
    const typeConfig = type.toConfig();
    const fields = Object.entries(typeConfig.fields).map(([name, field]) => {
      const resolve = field.resolve && wrap(field.resolve, { operation, name });
      return [name, { ...field, resolve }] as const;
    });
    return new GraphQLObjectType({ ...typeConfig, fields: Object.fromEntries(fields) });
  };
  const roots: unknown[] = [config.query, config.mutation, config.subscription];
  return new GraphQLSchema({
    ...config,
    query: wrapType(config.query, 'query'),
    mutation: wrapType(config.mutation, 'mutation'),
    subscription: wrapType(config.subscription, 'subscription'),
    types: config.types.filter((type) => !roots.includes(type)),
  });
}
