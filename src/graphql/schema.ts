import 'reflect-metadata';
import { type GraphQLSchema, specifiedDirectives } from 'graphql';
import { buildSchemaSync, type NonEmptyArray, type PubSub } from 'type-graphql';
import { StationmasterError } from '../errors.ts';
import { authChecker } from './auth-checker.ts';
import { LIVE } from './live-directive.ts';
import { wrapRootFields } from './root-fields.ts';
import { callRowFieldsDirectly } from './row-fields.ts';

/** A class whose methods resolve fields. Its constructor receives its dependencies. */
export type ResolverClass<Parts> = new (parts: Parts) => object;

/** Opens the stream of a subscription. Receives the subscription's argument. */
export type OpenStream<Parts> = (parts: Parts, argument: unknown) => AsyncIterable<unknown>;

/** The root value with which a subscription is started. That of an event is the event. */
export interface SubscriptionRoot {
  /** Where the transport says that the client goes on; `null`: it does not say. */
  readonly since: string | null;
}

/** What a feature adds to the schema. */
export interface SchemaFeature<Parts> {
  readonly resolvers?: readonly ResolverClass<Parts>[];
  /** By the topics of the resolvers' subscriptions. */
  readonly streams?: Readonly<Record<string, OpenStream<Parts>>>;
}

/**
 * The whole schema.
 * @param parts the dependencies of resolvers and streams. Without them the schema can be printed, but not executed.
 */
export function createSchema<Parts>(features: readonly SchemaFeature<Parts>[], parts?: Parts): GraphQLSchema {
  const classes = features.flatMap(({ resolvers = [] }) => resolvers);
  const instances = new Map<unknown, object>();
  if (parts !== undefined) for (const resolver of classes) instances.set(resolver, new resolver(parts));
  const schema = buildSchemaSync({
    resolvers: classes as unknown as NonEmptyArray<() => unknown>,
    container: { get: (resolver) => instances.get(resolver) },
    authChecker,
    directives: [...specifiedDirectives, LIVE],
    pubSub: toPubSub(features, parts),
    validate: false,
    // It would answer the introspection query at each start. Printing the schema and the tests check the same schema.
    skipCheck: parts !== undefined,
  });
  describeRootTypes(schema);
  callRowFieldsDirectly(schema, instances);
  return wrapRootFields(schema, prepareRootField);
}

/** TypeGraphQL makes the root types itself and has no decorator for their descriptions. */
function describeRootTypes(schema: GraphQLSchema): void {
  const descriptions = [
    [schema.getQueryType(), 'Reads. They are answered from the cache where it holds what they ask for.'],
    [
      schema.getMutationType(),
      'Writes. The fields of one operation run one after the other, each seeing those before it.',
    ],
    [
      schema.getSubscriptionType(),
      'Changes as they happen, over a WebSocket that speaks graphql-transport-ws, or over server-sent events.',
    ],
  ] as const;
  for (const [type, description] of descriptions) if (type) type.description = description;
}

/** The fields of a mutation run in sequence, and each must see the writes of those before it. */
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
        // Each event of a stream has a root value, which may be null. HTTP has no streams.
        if (root !== undefined) return resolve(root, args, context, info);
        throw new StationmasterError(
          'BAD_USER_INPUT',
          'A subscription needs a WebSocket that speaks graphql-transport-ws, or Accept: text/event-stream.',
        );
      };
  }
};

function toPubSub<Parts>(features: readonly SchemaFeature<Parts>[], parts: Parts | undefined): PubSub {
  const streams: Readonly<Record<string, OpenStream<Parts>>> = Object.assign({}, ...features.map((f) => f.streams));
  return {
    subscribe: (name, argument) => streams[name]!(parts!, argument),
    publish: () => {
      throw new Error('Nothing is published by hand: subscriptions follow the change feed.');
    },
  };
}
