import {
  Arg,
  Authorized,
  type ClassType,
  Ctx,
  Field,
  ID,
  ObjectType,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import type { Role } from '../../auth/identity.ts';
import type { ChangeFeed, ChangeLog } from '../../changes/index.ts';
import {
  type Collection,
  type Collections,
  type Identified,
  type OpenCollection,
  type RowEvent,
  streamRowChanges,
  type WantedChanges,
} from '../../collections/index.ts';
import type { Context } from '../context.ts';
import { DateTime } from '../scalars.ts';
import type { SchemaFeature, SubscriptionRoot } from '../schema.ts';
import { type ChangeWords, kindsOf } from './change-kinds.ts';

/** What a subscription to changes works with. */
export interface ChangeParts {
  readonly collections: Collections;
  readonly feed: ChangeFeed;
  readonly log: ChangeLog;
}

export interface ChangeSubscription<Row extends Identified, FilterGiven> {
  readonly collection: Collection<Row, FilterGiven, string>;
  /** The GraphQL type of a row: `Workstation`, of which the subscription is `workstationChanged`. */
  readonly type: ClassType<object>;
  /** The type of its filter; without it the subscription has none. */
  readonly filter?: ClassType<object>;
  readonly words: ChangeWords;
}

/** An event as it is shown. */
interface ShownChange<Row> {
  readonly kind: string;
  readonly id: string;
  readonly row: Row | null;
  readonly changedAt: Date;
  readonly position: string;
}

/**
 * The subscription to the changes of a collection, `workstationChanged`, with the types `WorkstationChange` and
 * `WorkstationChangeKind`.
 */
export function changesOf<Row extends Identified, FilterGiven>({
  collection,
  type,
  filter,
  words,
}: ChangeSubscription<Row, FilterGiven>): Required<SchemaFeature<ChangeParts>> {
  const noun = words.one.replace(/^an? /, '');
  const fieldName = type.name.charAt(0).toLowerCase() + type.name.slice(1);
  const subscriptionName = `${fieldName}Changed`;
  const Kind = kindsOf(type.name, words, filter !== undefined);

  @ObjectType(`${type.name}Change`, {
    simpleResolvers: true,
    description: `A change of ${words.one}, as it was committed.`,
  })
  class Change implements ShownChange<object> {
    @Field(() => Kind, { description: 'What happened.' })
    kind!: string;

    // Not an ID: Relay keeps objects by their ids alone, whatever their types, and asks for every `id: ID!` by itself.
    @Field(() => String, {
      description: `The id of the ${noun} it happened to; \`*\` for REFETCH. In Relay, ask for it under another name.`,
    })
    id!: string;

    @Field(() => type, {
      name: fieldName,
      simple: false,
      nullable: true,
      description: `The ${noun} after the change; null when deleted, and for REFETCH.`,
    })
    row!: object | null;

    @Field(() => DateTime, { description: 'When the change was made; of REFETCH, when it was sent.' })
    changedAt!: Date;

    @Field(() => String, {
      description:
        'Pass it as `since` to go on after this event. It also serves as `x-read-after`: to read what is at least as new.',
    })
    position!: string;
  }

  @Resolver(() => Change)
  class ChangeResolver {
    readonly #rows: OpenCollection<Row, FilterGiven, string>;

    constructor({ collections }: ChangeParts) {
      this.#rows = collections.of(collection);
    }

    @Authorized<Role>('VIEWER')
    @Subscription(() => Change, {
      name: subscriptionName,
      description: `Every committed change of ${words.one}, by any program, in commit order.`,
      topics: subscriptionName,
      topicId: ({ args, source }) => ({ ...args, since: (source as SubscriptionRoot).since ?? args.since }),
    })
    async changed(@Root() event: RowEvent<Row>, @Ctx() ctx: Context): Promise<ShownChange<Row>> {
      const { kind, position } = event;
      const refetch = { kind: 'REFETCH', id: '*', row: null, changedAt: new Date(), position };
      if (kind === 'REFETCH') return refetch;
      const { id, record, atMs = Date.now() } = event;
      // A row too big to be announced is read; whatever it has become by then, it is not older than the change.
      const row = record === undefined ? await this.#read(id, ctx).catch(() => undefined) : record;
      // It cannot be read just now, and the event must not be lost.
      return row === undefined ? refetch : { kind, id, row, changedAt: new Date(atMs), position };
    }

    async #read(id: string, ctx: Context): Promise<Row | null> {
      return this.#rows.findById(id, ctx);
    }
  }

  // Decorators on parameters could not leave the filter out.
  const take = ([name, ofType, description]: Argument, index: number) =>
    Arg(name, ofType, { nullable: true, description })(ChangeResolver.prototype, 'changed', FIRST_ARGUMENT + index);
  const given: Argument[] = [
    ['ids', () => [ID], `Only changes of these ${words.many}; all when left out.`],
    ...(filter ? [['filter', () => filter, filterWords(words.many)] as Argument] : []),
    ['since', () => String, SINCE],
  ];
  given.forEach(take);

  return {
    resolvers: [ChangeResolver],
    streams: {
      [subscriptionName]: (parts, wanted) => streamRowChanges(collection, wanted as WantedChanges<FilterGiven>, parts),
    },
  };
}

type Argument = [name: string, ofType: Parameters<typeof Arg>[1] & (() => unknown), description: string];

/** Behind the event and the context. */
const FIRST_ARGUMENT = 2;

const SINCE =
  'The position of an event, or of a mutation: what came after it is sent first. Begins with REFETCH when the server does ' +
  'not remember that far: it keeps five minutes, within a bound.';

function filterWords(many: string): string {
  return (
    `Only changes of ${many} that fit, before the change or after it. A change by which one begins to fit is ENTERED, one ` +
    'by which it ceases to is LEFT. REFETCH comes in the place of a change that is too big to be judged.'
  );
}
