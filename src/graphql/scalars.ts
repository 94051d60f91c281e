import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';
import { GraphQLDateTime, GraphQLEmailAddress, GraphQLIP } from 'graphql-scalars';

export { GraphQLDateTime as DateTime };

/**
 * Only input is checked. Values from the database are returned as they are: checking each row of each page would cost more
 * than the rest of the field, and one bad row by another program would turn the whole page into an error.
 */
export const IP = shownAsHeld(GraphQLIP);
export const EmailAddress = shownAsHeld(GraphQLEmailAddress);

/** The text is checked by the filter that takes it, whose error names the field and the network that was meant. */
export const CIDR = new GraphQLScalarType<string, string>({
  name: 'CIDR',
  description: 'A network of IPv4 or IPv6 addresses, such as `10.0.0.0/8` or `2001:db8::/32`, or a single address.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc4632',
  serialize: String,
  parseValue: requireString,
  parseLiteral: (node) => (node.kind === Kind.STRING ? node.value : requireString(undefined)),
});

function requireString(value: unknown): string {
  if (typeof value !== 'string') throw new GraphQLError('CIDR is a text, such as "10.0.0.0/8".');
  return value;
}

function shownAsHeld(scalar: GraphQLScalarType): GraphQLScalarType {
  return new GraphQLScalarType({ ...scalar.toConfig(), serialize: String });
}
