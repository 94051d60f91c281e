import { type GraphQLFieldResolver, GraphQLObjectType, GraphQLSchema, type OperationTypeNode } from 'graphql';
import type { ResolverObserver } from '../observability/metrics.ts';
import type { Context } from './context.ts';

type Resolve = GraphQLFieldResolver<unknown, Context>;

export interface RootField {
  readonly operation: `${OperationTypeNode}`;
  readonly name: string;
}

/**
 * Copies `schema` and wraps the resolver of each root field with `wrap`, for work that is needed once per root field. Hooks
 * that run for every field, such as TypeGraphQL's middlewares and Apollo Server's `willResolveField`, would slow down every
 * field and turn plain properties into promises.
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

/** A copy of `schema` whose queries and mutations report to `observer` how long their root fields take. */
export function measureRootFields(schema: GraphQLSchema, observer: ResolverObserver): GraphQLSchema {
  return wrapRootFields(schema, (resolve, { operation, name }) => {
    if (operation === 'subscription') return resolve;
    const field = `${operation === 'query' ? 'Query' : 'Mutation'}.${name}`;
    return async (...parameters) => {
      const startedAtMs = performance.now();
      try {
        return await resolve(...parameters);
      } finally {
        observer.observeResolver(field, (performance.now() - startedAtMs) / 1000);
      }
    };
  });
}
