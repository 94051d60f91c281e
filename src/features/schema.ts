import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchemaSync, type PubSub } from 'type-graphql';
import { StationmasterError } from '../errors.ts';
import { authChecker } from '../graphql/auth-checker.ts';
import { wrapRootFields } from '../graphql/root-fields.ts';
import { callRowFieldsDirectly } from '../graphql/row-fields.ts';
import { ManagerConnectionResolver, ManagerResolver, WorkstationManagerResolver } from './manager/index.ts';
import { PerformanceResolver } from './performance/index.ts';
import { WorkstationChangeResolver, WorkstationConnectionResolver, WorkstationResolver } from './workstation/index.ts';

const RESOLVERS = [
  WorkstationResolver,
  WorkstationConnectionResolver,
  WorkstationChangeResolver,
  WorkstationManagerResolver,
  ManagerResolver,
  ManagerConnectionResolver,
  PerformanceResolver,
] as const;

export interface SchemaParts {
  /** One instance of each resolver class. */
  readonly resolvers: readonly object[];
  /** Opens the stream behind a subscription, by its name and its argument. */
  readonly streams: Readonly<Record<string, (argument: unknown) => AsyncIterable<unknown>>>;
}

/** The whole schema. Without parts it can be printed, but not executed. */
export function createSchema({ resolvers, streams }: SchemaParts = { resolvers: [], streams: {} }): GraphQLSchema {
  const instances = new Map(resolvers.map((resolver) => [resolver.constructor, resolver]));
  const schema = buildSchemaSync({
    resolvers: [...RESOLVERS],
    container: { get: (resolverClass) => instances.get(resolverClass) },
    authChecker,
    pubSub: toPubSub(streams),
    validate: false,
  });
  callRowFieldsDirectly(schema, instances);
  return wrapRootFields(schema, prepareRootField);
}

/** The fields of a mutation run one after the other, and each must see what the one before it wrote. */
const prepareRootField: Parameters<typeof wrapRootFields>[1] = (resolve, { operation }) => {
  switch (operation) {
    case 'query':
      return resolve;
    case 'mutation':
      return (root, args, context, info) => {
        context.forgetLoads();
        return resolve(root, args, context, info);
      };
    case 'subscription':
      return (root, args, context, info) => {
        // Every event of a stream has a root, be it null. Over HTTP there is no stream.
        if (root !== undefined) return resolve(root, args, context, info);
        throw new StationmasterError(
          'BAD_USER_INPUT',
          'A subscription needs a WebSocket that speaks graphql-transport-ws.',
        );
      };
  }
};

function toPubSub(streams: SchemaParts['streams']): PubSub {
  return {
    subscribe: (name, argument) => streams[name]!(argument),
    publish: () => {
      throw new Error('Nothing is published by hand: subscriptions follow the change feed.');
    },
  };
}
