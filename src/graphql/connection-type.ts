import { type ClassType, Field, Int, ObjectType } from 'type-graphql';
import { PageInfo } from './pagination.ts';

/** The words for the rows in the descriptions of a connection. */
export interface ConnectionWords {
  /** `a manager` */
  readonly one: string;
  /** `managers` */
  readonly many: string;
  /** The words for the position of a row. Default: `its place`. */
  readonly place?: string;
  /** Default: `One page of a list of <many>.` */
  readonly page?: string;
  /** Default: `How many <many> the whole list holds; counted only when asked for.` */
  readonly total?: string;
}

/**
 * The GraphQL types `<Node>Edge` and `<Node>Connection` of lists of `Node` (Relay Cursor Connections Specification), with a
 * total. Resolvers return a `ListPage` for them.
 * @returns the class of the connection
 */
export function connectionOf<Node extends object>(
  node: ClassType<Node>,
  { one, many, place = 'its place', page = `One page of a list of ${many}.`, total }: ConnectionWords,
): ClassType<object> {
  const noun = one.replace(/^an? /, '');

  @ObjectType(`${node.name}Edge`, {
    simpleResolvers: true,
    description: `${capitalized(one)} in a list, with the cursor of ${place}.`,
  })
  class Edge {
    @Field(() => String, {
      description: `Pass it as \`after\` for the ${many} behind this one, as \`before\` for those before it.`,
    })
    cursor!: string;

    @Field(() => node, { description: `The ${noun}.` })
    node!: Node;
  }

  @ObjectType(`${node.name}Connection`, { simpleResolvers: true, description: page })
  class Connection {
    @Field(() => [Edge], { description: `The ${many} of the page with their cursors.` })
    edges!: Edge[];

    @Field(() => [node], { description: `The ${many} of the page.` })
    nodes!: Node[];

    @Field(() => PageInfo, { description: 'Where the page stands in the list.' })
    pageInfo!: PageInfo;

    @Field(() => Int, {
      description: total ?? `How many ${many} the whole list holds; counted only when asked for.`,
    })
    totalCount!: number;
  }

  return Connection;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
