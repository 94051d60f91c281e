import { GraphQLScalarType } from 'graphql';
import { GraphQLDateTime, GraphQLEmailAddress, GraphQLIP } from 'graphql-scalars';

export { GraphQLDateTime as DateTime };

/**
 * Only input is checked. Values from the database are returned as they are: checking each row of each page would cost more
 * than the rest of the field, and one bad row by another program would turn the whole page into an error.
 */
export const IP = shownAsHeld(GraphQLIP);
export const EmailAddress = shownAsHeld(GraphQLEmailAddress);

function shownAsHeld(scalar: GraphQLScalarType): GraphQLScalarType {
  return new GraphQLScalarType({ ...scalar.toConfig(), serialize: String });
}
