import {
  DirectiveLocation,
  type DirectiveNode,
  GraphQLDirective,
  GraphQLInt,
  type OperationDefinitionNode,
} from 'graphql';

/** The allowed values of `throttleMs`. */
export const THROTTLE_MS = { min: 100, default: 200, max: 60_000 } as const;

/** `@live`. It is described for front-end developers, who see it in the schema. */
export const LIVE = new GraphQLDirective({
  name: 'live',
  description:
    'Sends the answer at once, and the whole answer again when, and only when, it has changed: over a WebSocket or server-sent ' +
    'events. Over plain HTTP the query is answered once. All root fields must be cacheable.',
  locations: [DirectiveLocation.QUERY],
  args: {
    throttleMs: {
      type: GraphQLInt,
      defaultValue: THROTTLE_MS.default,
      description: `The shortest time between two answers, in milliseconds: ${THROTTLE_MS.min} to ${THROTTLE_MS.max}. The newest answer wins.`,
    },
  },
});

/** The directive of an operation that is to be live; `null`: it has none. */
export function findLive({ directives }: OperationDefinitionNode): DirectiveNode | null {
  return directives?.find(({ name }) => name.value === LIVE.name) ?? null;
}
