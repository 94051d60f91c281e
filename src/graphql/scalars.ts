import { GraphQLScalarType } from 'graphql';
import { GraphQLDateTime, GraphQLEmailAddress, GraphQLIP } from 'graphql-scalars';

export { GraphQLDateTime as DateTime };

/**
 * Checked as input only. What the database holds is shown as it is: checking it again for each row of each page costs
 * more than the rest of the field, and one row that another program wrote would make the whole page an error.
 */
export const IP = shownAsHeld(GraphQLIP);
export const EmailAddress = shownAsHeld(GraphQLEmailAddress);

function shownAsHeld(scalar: GraphQLScalarType): GraphQLScalarType {
  return new GraphQLScalarType({ ...scalar.toConfig(), serialize: String });
}
