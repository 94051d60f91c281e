import type { GraphQLResolveInfo } from 'graphql';
import {
  Arg,
  Authorized,
  Ctx,
  Extensions,
  FieldResolver,
  ID,
  Info,
  Int,
  Mutation,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import type { Role } from '../../auth/identity.ts';
import type { Context } from '../../graphql/context.ts';
import { normalizeId } from '../../graphql/ids.ts';
import { DEFAULT_PAGE_SIZE } from '../../graphql/page-size.ts';
import { Connection, isTimeMs, pageRequest, presentRows } from '../../graphql/pagination.ts';
import { rowsShow } from '../../graphql/selections.ts';
import { CACHEABLE } from '../../operations/cacheability.ts';
import {
  readWorkstationList,
  Workstation,
  WorkstationConnection,
  WorkstationFilter,
  type WorkstationListPage,
  type WorkstationRecord,
  type WorkstationSource,
} from '../workstation/index.ts';
import { managerPosition } from './manager.cache.ts';
import { CreateManagerInput, UpdateManagerInput } from './manager.inputs.ts';
import { type ManagerSource, managerLoader, readManagerPage } from './manager.loader.ts';
import type { ManagerRecord } from './manager.record.ts';
import type { ManagerService } from './manager.service.ts';
import { Manager, ManagerConnection } from './manager.type.ts';

const NEWEST_FIRST = { name: 'managers CREATED_AT DESC', isValue: isTimeMs };

@Resolver(() => Manager)
export class ManagerResolver {
  readonly #source: ManagerSource;
  readonly #service: ManagerService;
  readonly #workstations: WorkstationSource;

  constructor(source: ManagerSource, service: ManagerService, workstations: WorkstationSource) {
    this.#source = source;
    this.#service = service;
    this.#workstations = workstations;
  }

  @Authorized<Role>('VIEWER')
  @Extensions(CACHEABLE)
  @Query(() => ManagerConnection, { description: 'The managers, a page at a time, newest first.' })
  async managers(
    @Arg('first', () => Int, {
      nullable: true,
      defaultValue: DEFAULT_PAGE_SIZE,
      description: 'Rows on the page, 1 to 500.',
    })
    first: number | null,
    @Arg('after', () => String, { nullable: true, description: 'The cursor behind which the page begins.' })
    after: string | null,
    @Ctx() ctx: Context,
  ): Promise<Connection<ManagerRecord>> {
    const order = NEWEST_FIRST;
    const request = pageRequest(first, after, order);
    const page = await readManagerPage(this.#source, request, ctx);
    const nodes = presentRows(await managerLoader(this.#source, ctx).loadMany(page.ids));
    const hasNextPage = page.next !== null;
    return new Connection(nodes, { order, positionOf: managerPosition, hasNextPage, after: request.after });
  }

  @Authorized<Role>('VIEWER')
  @Extensions(CACHEABLE)
  @Query(() => Manager, { nullable: true, description: 'One manager; null when there is none with this id.' })
  manager(
    @Arg('id', () => ID, { description: 'The identifier of the manager.' }) id: string,
    @Ctx() ctx: Context,
  ): ManagerRecord | null | Promise<ManagerRecord | null> {
    const known = normalizeId(id);
    return known === null ? null : managerLoader(this.#source, ctx).load(known);
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => Manager, { description: 'Adds a manager.' })
  createManager(
    @Arg('input', () => CreateManagerInput, { description: 'The manager.' }) input: CreateManagerInput,
  ): Promise<ManagerRecord> {
    return this.#service.create(input);
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => Manager, { description: 'Changes a manager.' })
  updateManager(
    @Arg('id', () => ID, { description: 'The identifier of the manager.' }) id: string,
    @Arg('input', () => UpdateManagerInput, { description: 'What to change.' }) input: UpdateManagerInput,
  ): Promise<ManagerRecord> {
    return this.#service.update(id, input);
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => ID, { description: 'Removes a manager, whose workstations stay without one, and returns the id.' })
  deleteManager(@Arg('id', () => ID, { description: 'The identifier of the manager.' }) id: string): Promise<string> {
    return this.#service.delete(id);
  }

  @FieldResolver(() => WorkstationConnection, {
    description: 'The workstations this manager looks after, newest first.',
  })
  workstations(
    @Root() { id }: ManagerRecord,
    @Arg('first', () => Int, {
      nullable: true,
      defaultValue: DEFAULT_PAGE_SIZE,
      description: 'Rows on the page, 1 to 500.',
    })
    first: number | null,
    @Arg('after', () => String, { nullable: true, description: 'The cursor behind which the page begins.' })
    after: string | null,
    @Arg('filter', () => WorkstationFilter, { nullable: true, description: 'Which of them to list.' })
    filter: WorkstationFilter | null,
    @Ctx() ctx: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<WorkstationListPage> {
    const withManagers = rowsShow(info, 'manager');
    return readWorkstationList(this.#workstations, { first, after, filter, withManagers, ofManager: id }, ctx);
  }
}

@Resolver(() => ManagerConnection)
export class ManagerConnectionResolver {
  readonly #service: ManagerService;

  constructor(service: ManagerService) {
    this.#service = service;
  }

  @FieldResolver(() => Int, { description: 'How many managers there are; counted only when asked for.' })
  totalCount(@Ctx() { reads }: Context): Promise<number> {
    return this.#service.count(reads);
  }
}

/** The one field of a workstation that is about managers. */
@Resolver(() => Workstation)
export class WorkstationManagerResolver {
  readonly #source: ManagerSource;

  constructor(source: ManagerSource) {
    this.#source = source;
  }

  @FieldResolver(() => Manager, { nullable: true, description: 'Who looks after it; null when nobody does.' })
  manager(
    @Root() { managerId }: WorkstationRecord,
    @Ctx() ctx: Context,
  ): ManagerRecord | null | Promise<ManagerRecord | null> {
    return managerId === null ? null : managerLoader(this.#source, ctx).load(managerId);
  }
}
