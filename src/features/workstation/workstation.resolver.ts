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
  Subscription,
} from 'type-graphql';
import type { Role } from '../../auth/identity.ts';
import type { Context } from '../../graphql/context.ts';
import { normalizeId } from '../../graphql/ids.ts';
import { DEFAULT_PAGE_SIZE } from '../../graphql/page-size.ts';
import { rowsShow } from '../../graphql/selections.ts';
import { CACHEABLE } from '../../operations/cacheability.ts';
import {
  CreateWorkstationInput,
  TelemetryReading,
  UpdateWorkstationInput,
  WorkstationFilter,
  WorkstationOrder,
} from './workstation.inputs.ts';
import { type WorkstationSource, workstationLoaders } from './workstation.loader.ts';
import { readWorkstationList, type WorkstationListPage } from './workstation.reads.ts';
import { type WorkstationRecord, workstationFromRow } from './workstation.record.ts';
import type { WorkstationService } from './workstation.service.ts';
import { WORKSTATION_CHANGED, type WorkstationEvent } from './workstation.stream.ts';
import {
  TelemetryReport,
  Workstation,
  WorkstationChange,
  WorkstationChangeKind,
  WorkstationConnection,
} from './workstation.type.ts';

@Resolver(() => Workstation)
export class WorkstationResolver {
  readonly #source: WorkstationSource;
  readonly #service: WorkstationService;

  constructor(source: WorkstationSource, service: WorkstationService) {
    this.#source = source;
    this.#service = service;
  }

  @Authorized<Role>('VIEWER')
  @Extensions(CACHEABLE)
  @Query(() => WorkstationConnection, { description: 'The workstations of the fleet, a page at a time, newest first.' })
  workstations(
    @Arg('first', () => Int, {
      nullable: true,
      defaultValue: DEFAULT_PAGE_SIZE,
      description: 'Rows on the page, 1 to 500.',
    })
    first: number | null,
    @Arg('after', () => String, { nullable: true, description: 'The cursor behind which the page begins.' })
    after: string | null,
    @Arg('filter', () => WorkstationFilter, { nullable: true, description: 'Which workstations to list.' })
    filter: WorkstationFilter | null,
    @Arg('orderBy', () => WorkstationOrder, { nullable: true, description: 'The order; newest first unless given.' })
    orderBy: WorkstationOrder | null,
    @Ctx() ctx: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<WorkstationListPage> {
    const withManagers = rowsShow(info, 'manager');
    return readWorkstationList(this.#source, { first, after, filter, orderBy, withManagers }, ctx);
  }

  @Authorized<Role>('VIEWER')
  @Extensions(CACHEABLE)
  @Query(() => Workstation, { nullable: true, description: 'One workstation; null when there is none with this id.' })
  workstation(
    @Arg('id', () => ID, { description: 'The identifier of the workstation.' }) id: string,
    @Ctx() ctx: Context,
  ): WorkstationRecord | null | Promise<WorkstationRecord | null> {
    const known = normalizeId(id);
    return known === null ? null : workstationLoaders(this.#source, ctx).record.load(known);
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => Workstation, { description: 'Adds a workstation to the fleet.' })
  createWorkstation(
    @Arg('input', () => CreateWorkstationInput, { description: 'The workstation.' }) input: CreateWorkstationInput,
  ): Promise<WorkstationRecord> {
    return this.#service.create(input);
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => Workstation, { description: 'Changes a workstation.' })
  updateWorkstation(
    @Arg('id', () => ID, { description: 'The identifier of the workstation.' }) id: string,
    @Arg('input', () => UpdateWorkstationInput, { description: 'What to change.' }) input: UpdateWorkstationInput,
  ): Promise<WorkstationRecord> {
    return this.#service.update(id, input);
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => ID, { description: 'Removes a workstation from the fleet and returns its id.' })
  deleteWorkstation(
    @Arg('id', () => ID, { description: 'The identifier of the workstation.' }) id: string,
  ): Promise<string> {
    return this.#service.delete(id);
  }

  @Authorized<Role>('OPERATOR', 'AGENT')
  @Mutation(() => TelemetryReport, { description: 'Stores what workstations measured, and that they were seen now.' })
  reportTelemetry(
    @Arg('readings', () => [TelemetryReading], { description: 'Up to 1,000 readings.' }) readings: TelemetryReading[],
  ): Promise<TelemetryReport> {
    return this.#service.reportTelemetry(readings);
  }
}

@Resolver(() => WorkstationConnection)
export class WorkstationConnectionResolver {
  readonly #source: WorkstationSource;

  constructor(source: WorkstationSource) {
    this.#source = source;
  }

  @FieldResolver(() => Int, { description: 'How many workstations the whole list holds; counted only when asked for.' })
  async totalCount(@Root() { filter }: WorkstationListPage, @Ctx() ctx: Context): Promise<number> {
    return filter ? workstationLoaders(this.#source, ctx).count.load(filter) : 0;
  }
}

@Resolver(() => WorkstationChange)
export class WorkstationChangeResolver {
  readonly #source: WorkstationSource;

  constructor(source: WorkstationSource) {
    this.#source = source;
  }

  @Authorized<Role>('VIEWER')
  @Subscription(() => WorkstationChange, {
    description: 'Every committed change of a workstation, whoever made it, in the order of the commits.',
    topics: WORKSTATION_CHANGED,
    topicId: ({ args }) => args.ids ?? null,
  })
  async workstationChanged(
    @Arg('ids', () => [ID], { nullable: true, description: 'Only changes of these workstations; all when left out.' })
    _ids: string[] | null,
    @Root() event: WorkstationEvent,
    @Ctx() ctx: Context,
  ): Promise<WorkstationChangeEvent> {
    if (event === 'refetch') return refetch();
    const { id, op } = event;
    // A row too big to be announced is read; whatever it has become by then, it is not older than the change.
    const workstation =
      event.new === undefined
        ? await this.#read(id, ctx).catch(() => undefined)
        : event.new && workstationFromRow(event.new);
    // It cannot be read just now, and the event must not be lost.
    if (workstation === undefined) return refetch();
    const changedAtMs = op === 'DELETE' || !workstation ? Date.now() : workstation.updatedAtMs;
    return { kind: KIND_OF[op], id, workstation, changedAt: new Date(changedAtMs) };
  }

  async #read(id: string, ctx: Context): Promise<WorkstationRecord | null> {
    return workstationLoaders(this.#source, ctx).record.load(id);
  }
}

interface WorkstationChangeEvent extends Omit<WorkstationChange, 'workstation'> {
  readonly workstation: WorkstationRecord | null;
}

function refetch(): WorkstationChangeEvent {
  return { kind: WorkstationChangeKind.REFETCH, id: '*', workstation: null, changedAt: new Date() };
}

const KIND_OF = {
  INSERT: WorkstationChangeKind.CREATED,
  UPDATE: WorkstationChangeKind.UPDATED,
  DELETE: WorkstationChangeKind.DELETED,
};
