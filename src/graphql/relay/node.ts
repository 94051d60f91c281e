import { Field, ID, InterfaceType } from 'type-graphql';

/** By the rows that a field of the type `Node` was answered with, the GraphQL types they are shown as. */
const TYPES = new WeakMap<object, string>();

/** The row, as a value of the interface `Node`. */
export function asNode<Row extends object>(row: Row, type: string): Row {
  TYPES.set(row, type);
  return row;
}

@InterfaceType({
  description: 'What can be read by its id alone (Relay Global Object Identification).',
  resolveType: (row: object) => TYPES.get(row),
})
export abstract class Node {
  @Field(() => ID, { description: 'The identifier, a UUID.' })
  id!: string;
}
