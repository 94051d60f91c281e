import {
  GraphQLBoolean,
  type GraphQLFieldConfig,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
} from 'graphql';
import { createPushStream } from '../../src/changes/index.ts';
import { StationmasterError } from '../../src/errors.ts';
import type { Context } from '../../src/graphql/context.ts';

/** A source of events that ends as soon as its only reader stops. */
class Channel<T> implements AsyncIterableIterator<T> {
  readonly #events: T[] = [];
  #deliver: ((result: IteratorResult<T>) => void) | undefined;
  #failure: unknown;
  hasEnded = false;

  emit(event: T): void {
    if (this.#deliver) this.#take()({ done: false, value: event });
    else this.#events.push(event);
  }

  /** Lets the next read fail. */
  fail(error: unknown): void {
    this.#failure = error;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.hasEnded) return Promise.resolve({ done: true, value: undefined });
    if (this.#events.length > 0) return Promise.resolve({ done: false, value: this.#events.shift()! });
    return new Promise((resolve) => {
      this.#deliver = resolve;
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.hasEnded = true;
    if (this.#deliver) this.#take()({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  #take() {
    const deliver = this.#deliver!;
    this.#deliver = undefined;
    return deliver;
  }
}

export interface StubChange {
  readonly name: string;
  readonly value: number;
}

export interface Stub {
  readonly schema: GraphQLSchema;
  /** The contexts in which root fields were resolved, in order. */
  readonly contexts: Context[];
  /** When the mutation `takeTurn` began and ended. */
  readonly turns: readonly string[];
  /** One for every subscription to `ticks`. */
  readonly channels: Channel<number>[];
  /** Sends a shared event to the subscribers of `changes`. For those that fall behind it replaces an older one by name. */
  readonly publish: (change: StubChange) => void;
  /** How many sources of `changes` are open. */
  readonly openSources: () => number;
  /** Resolves when a client waits for the field `slow` or for an event of `stuck`. */
  readonly slowStarted: Promise<void>;
  /** Answers the field `slow` and ends `stuck`. */
  readonly releaseSlow: () => void;
}

type Fields = Record<string, GraphQLFieldConfig<unknown, Context>>;

/** A schema whose fields do everything that the transports must cope with. */
export function createStub(): Stub {
  const contexts: Context[] = [];
  const channels: Channel<number>[] = [];
  const followers = new Set<(change: StubChange) => void>();
  const started = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const text = (resolve: GraphQLFieldConfig<unknown, Context>['resolve']) => ({ type: GraphQLString, resolve });

  const query: Fields = {
    hello: {
      type: GraphQLString,
      args: { name: { type: GraphQLString }, times: { type: GraphQLInt } },
      resolve(_source, { name }, context) {
        contexts.push(context);
        return `Hello ${name ?? context.identity.subject}`;
      },
    },
    read: {
      type: GraphQLBoolean,
      args: { hits: { type: GraphQLInt }, misses: { type: GraphQLInt } },
      resolve: (_source, { hits, misses }, { reads }) => Boolean(Object.assign(reads, { hits, misses })),
    },
    broken: text(() => {
      throw new Error('password of the database is hunter2');
    }),
    refused: text(() => {
      throw new StationmasterError('CONFLICT', 'There is one already.', { field: 'input.name' });
    }),
    unreachable: text(() => {
      throw new Error('query failed', { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) });
    }),
    missing: { type: new GraphQLNonNull(GraphQLString), resolve: () => null },
    slow: text(async () => {
      started.resolve();
      await released.promise;
      return 'at last';
    }),
  };
  const subscription: Fields = {
    ticks: {
      type: new GraphQLObjectType({
        name: 'Tick',
        fields: {
          value: { type: GraphQLInt, resolve: ({ value }) => value },
          fault: {
            type: GraphQLString,
            resolve() {
              throw new Error('password of the database is hunter2');
            },
          },
        },
      }),
      subscribe: () => {
        const channel = new Channel<number>();
        channels.push(channel);
        return channel;
      },
      resolve(value, _args, context) {
        contexts.push(context);
        return { value };
      },
    },
    changes: {
      type: new GraphQLObjectType({
        name: 'Change',
        fields: {
          name: { type: GraphQLString },
          value: { type: GraphQLInt },
          padding: {
            type: GraphQLString,
            args: { size: { type: GraphQLInt } },
            resolve: (_change, { size }) => 'x'.repeat(size),
          },
        },
      }),
      args: { of: { type: GraphQLString } },
      subscribe: () =>
        createPushStream<StubChange>(
          (push) => {
            followers.add(push);
            return () => followers.delete(push);
          },
          { isShared: true, keyOf: ({ name }) => name, missed: () => ({ name: 'missed', value: -1 }) },
        ),
      resolve(change, _args, context) {
        contexts.push(context);
        return change;
      },
    },
    stuck: {
      type: GraphQLInt,
      // biome-ignore lint/correctness/useYield: it waits for an event that never comes
      async *subscribe() {
        started.resolve();
        await released.promise;
      },
    },
    forbidden: {
      type: GraphQLInt,
      subscribe() {
        throw new StationmasterError('FORBIDDEN', 'Not for you.');
      },
    },
    absurd: { type: GraphQLInt, subscribe: () => 'not a source of events' },
  };
  let bumps = 0;
  const turns: string[] = [];
  const mutation: Fields = {
    bump: {
      type: GraphQLInt,
      resolve() {
        bumps += 1;
        return bumps;
      },
    },
    takeTurn: {
      type: GraphQLInt,
      args: { of: { type: new GraphQLNonNull(GraphQLString) } },
      async resolve(_source, { of }) {
        turns.push(`${of} begins`);
        await new Promise(setImmediate);
        turns.push(`${of} ends`);
        return turns.length;
      },
    },
    refuse: text(() => {
      throw new StationmasterError('CONFLICT', 'There is one already.', { field: 'input.name', retryAfterSeconds: 7 });
    }),
  };

  const root = (name: string, fields: Fields) => new GraphQLObjectType({ name, fields });
  const schema = new GraphQLSchema({
    query: root('Query', query),
    mutation: root('Mutation', mutation),
    subscription: root('Subscription', subscription),
  });
  return {
    schema,
    contexts,
    turns,
    channels,
    publish(change) {
      for (const push of followers) push(change);
    },
    openSources: () => followers.size,
    slowStarted: started.promise,
    releaseSlow: released.resolve,
  };
}
