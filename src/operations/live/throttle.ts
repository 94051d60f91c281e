import { GraphQLError, type GraphQLSchema, getDirectiveValues, getVariableValues } from 'graphql';
import { StationmasterError } from '../../errors.ts';
import { LIVE, THROTTLE_MS } from '../../graphql/live-directive.ts';
import type { PreparedOperation, Variables } from '../prepared-operations.ts';

/**
 * The shortest time between two answers of a live query, or why the query cannot be live; `null`: its variables are invalid,
 * which the execution words.
 */
export function readThrottle(
  schema: GraphQLSchema,
  { definition, isCacheable, live }: Pick<PreparedOperation, 'definition' | 'isCacheable' | 'live'>,
  variables: Variables,
): number | GraphQLError | null {
  const refuse = (message: string, field?: string) =>
    new GraphQLError(message, {
      nodes: live,
      originalError: new StationmasterError('BAD_USER_INPUT', message, field === undefined ? {} : { field }),
    });
  if (!isCacheable) return refuse('A query can be live only if all of its root fields are cacheable.');
  const { coerced, errors } = getVariableValues(schema, definition.variableDefinitions ?? [], variables);
  if (errors) return null;
  const throttleMs = (getDirectiveValues(LIVE, definition, coerced)?.throttleMs ?? THROTTLE_MS.default) as number;
  const { min, max } = THROTTLE_MS;
  if (throttleMs >= min && throttleMs <= max) return throttleMs;
  return refuse(`throttleMs must be from ${min} to ${max}; got ${throttleMs}.`, 'throttleMs');
}
