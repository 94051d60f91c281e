import { Arg, Authorized, Ctx, Extensions, ID, Query, Resolver } from 'type-graphql';
import type { Role } from '../../auth/identity.ts';
import { type Identified, normalizeId } from '../../collections/index.ts';
import { CACHEABLE } from '../../graphql/cacheable.ts';
import type { Context } from '../../graphql/context.ts';
import { badInput } from '../../graphql/input-checks.ts';
import { MAX_PAGE_SIZE } from '../../graphql/page-size.ts';
import { asNode, Node } from '../../graphql/relay/node.ts';
import type { FeatureParts } from '../feature.ts';
import { managers } from '../manager/index.ts';
import { workstations } from '../workstation/index.ts';

/** One of the types that implement `Node`. */
interface NodeType {
  readonly name: string;
  readonly rows: { records(ctx: Context): Rows };
}

/** The rows of one type, as one operation reads them. */
interface Rows {
  finds(id: string): boolean;
  load(id: string): Identified | null | Promise<Identified | null>;
}

@Resolver()
export class NodeResolver {
  readonly #types: readonly NodeType[];

  constructor({ collections }: FeatureParts) {
    this.#types = [
      { name: 'Workstation', rows: collections.of(workstations) },
      { name: 'Manager', rows: collections.of(managers) },
    ];
  }

  @Authorized<Role>('VIEWER')
  @Extensions(CACHEABLE)
  @Query(() => Node, { nullable: true, description: 'The workstation or manager with this id; null if there is none.' })
  node(
    @Arg('id', () => ID, { description: 'The identifier.' }) id: string,
    @Ctx() ctx: Context,
  ): Identified | null | Promise<Identified | null> {
    return this.#find(id, ctx);
  }

  @Authorized<Role>('VIEWER')
  @Extensions(CACHEABLE)
  @Query(() => [Node], {
    nullable: 'items',
    description: 'The workstations and managers with these ids, in that order; null for each id that neither has.',
  })
  nodes(
    @Arg('ids', () => [ID], { description: 'Up to 500 identifiers.' }) ids: string[],
    @Ctx() ctx: Context,
  ): (Identified | null | Promise<Identified | null>)[] {
    if (ids.length > MAX_PAGE_SIZE) {
      throw badInput(`At most ${MAX_PAGE_SIZE} nodes are read at once; ${ids.length} were asked for.`, 'ids');
    }
    return ids.map((id) => this.#find(id, ctx));
  }

  /** An id does not tell its type, so what the cache holds under it comes first, of any type. */
  #find(id: string, ctx: Context): Identified | null | Promise<Identified | null> {
    const known = normalizeId(id);
    if (known === null) return null;
    for (const { name, rows } of this.#types) {
      const records = rows.records(ctx);
      // Without a promise, because the record is there.
      const held = records.finds(known) ? (records.load(known) as Identified | null) : null;
      if (held) return asNode(held, name);
    }
    return this.#read(known, ctx);
  }

  async #read(id: string, ctx: Context): Promise<Identified | null> {
    const found = await Promise.all(
      this.#types.map(async ({ name, rows }) => {
        const row = await rows.records(ctx).load(id);
        return row && asNode(row, name);
      }),
    );
    return found.find((row) => row !== null) ?? null;
  }
}
