import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Authorized, Ctx, Extensions, ID, Info, Mutation, Query, Resolver } from 'type-graphql';
import type { Role } from '../../auth/identity.ts';
import { CollectionWriter, normalizeId } from '../../collections/index.ts';
import { CACHEABLE } from '../../graphql/cacheable.ts';
import type { Context } from '../../graphql/context.ts';
import { checkInput } from '../../graphql/input-fields.ts';
import { type ListPage, readListPage } from '../../graphql/list-page.ts';
import { PageArguments } from '../../graphql/page-arguments.ts';
import type { FeatureParts } from '../feature.ts';
import { type ManagerRecord, managers } from './manager.entity.ts';
import { ManagerFilter, ManagerOrder } from './manager.inputs.ts';
import { CreateManagerInput, Manager, ManagerConnection, UpdateManagerInput } from './manager.type.ts';

@Resolver(() => Manager)
export class ManagerResolver {
  readonly #managers;
  readonly #writes;

  constructor({ collections, writer }: FeatureParts) {
    this.#managers = collections.of(managers);
    this.#writes = new CollectionWriter(managers, writer);
  }

  @Authorized<Role>('VIEWER')
  @Extensions(CACHEABLE)
  @Query(() => ManagerConnection, { description: 'The managers, a page at a time, newest first.' })
  managers(
    @Args(() => PageArguments) page: PageArguments,
    @Arg('filter', () => ManagerFilter, { nullable: true, description: 'Which managers to list.' })
    filter: ManagerFilter | null,
    @Arg('orderBy', () => ManagerOrder, { nullable: true, description: 'The order; newest first unless given.' })
    orderBy: ManagerOrder | null,
    @Ctx() ctx: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ListPage<ManagerRecord>> {
    return readListPage(this.#managers, { ...page, filter, orderBy }, ctx, info);
  }

  @Authorized<Role>('VIEWER')
  @Extensions(CACHEABLE)
  @Query(() => Manager, { nullable: true, description: 'One manager; null when there is none with this id.' })
  manager(
    @Arg('id', () => ID, { description: 'The identifier of the manager.' }) id: string,
    @Ctx() ctx: Context,
  ): ManagerRecord | null | Promise<ManagerRecord | null> {
    const known = normalizeId(id);
    return known === null ? null : this.#managers.findById(known, ctx);
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => Manager, { description: 'Adds a manager.' })
  createManager(
    @Arg('input', () => CreateManagerInput, { description: 'The manager.' }) input: CreateManagerInput,
  ): Promise<ManagerRecord> {
    return this.#writes.create(checkInput(input));
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => Manager, { description: 'Changes a manager.' })
  updateManager(
    @Arg('id', () => ID, { description: 'The identifier of the manager.' }) id: string,
    @Arg('input', () => UpdateManagerInput, { description: 'What to change.' }) input: UpdateManagerInput,
  ): Promise<ManagerRecord> {
    return this.#writes.update(id, checkInput(input));
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => ID, { description: 'Removes a manager, whose workstations stay without one, and returns the id.' })
  deleteManager(@Arg('id', () => ID, { description: 'The identifier of the manager.' }) id: string): Promise<string> {
    return this.#writes.delete(id);
  }
}
