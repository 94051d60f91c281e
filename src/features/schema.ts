import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchemaSync, type MiddlewareFn, type PubSub } from 'type-graphql';
import { authChecker } from '../auth/auth-checker.ts';
import { StationmasterError } from '../errors.ts';
import type { Context } from '../graphql/context.ts';
import { ManagerResolver, WorkstationManagerResolver } from './manager/index.ts';
import { PerformanceResolver } from './performance/index.ts';
import { WorkstationChangeResolver, WorkstationConnectionResolver, WorkstationResolver } from './workstation/index.ts';

const RESOLVERS = [
  WorkstationResolver,
  WorkstationConnectionResolver,
  WorkstationChangeResolver,
  WorkstationManagerResolver,
  ManagerResolver,
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
  return buildSchemaSync({
    resolvers: [...RESOLVERS],
    container: { get: (resolverClass) => instances.get(resolverClass) },
    authChecker,
    globalMiddlewares: [prepareRootField],
    pubSub: toPubSub(streams),
    validate: false,
  });
}

const prepareRootField: MiddlewareFn<Context> = ({ context, info: { parentType, schema }, root }, next) => {
  // The fields of a mutation run one after the other, and each must see what the one before it wrote.
  if (parentType === schema.getMutationType()) context.forgetLoads();
  // Every event of a stream has a root, be it null. Over HTTP there is no stream.
  if (root === undefined && parentType === schema.getSubscriptionType()) {
    throw new StationmasterError(
      'BAD_USER_INPUT',
      'A subscription needs a WebSocket that speaks graphql-transport-ws.',
    );
  }
  return next();
};

function toPubSub(streams: SchemaParts['streams']): PubSub {
  return {
    subscribe: (name, argument) => streams[name]!(argument),
    publish: () => {
      throw new Error('Nothing is published by hand: subscriptions follow the change feed.');
    },
  };
}
