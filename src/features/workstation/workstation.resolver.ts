import type { GraphQLResolveInfo } from 'graphql';
import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Extensions,
  FieldResolver,
  ID,
  Info,
  Mutation,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import type { Role } from '../../auth/identity.ts';
import { CollectionWriter, normalizeId } from '../../collections/index.ts';
import { StationmasterError } from '../../errors.ts';
import { CACHEABLE } from '../../graphql/cacheable.ts';
import type { Context } from '../../graphql/context.ts';
import { checkInput } from '../../graphql/input-fields.ts';
import { type ListPage, readListPage } from '../../graphql/list-page.ts';
import { PageArguments } from '../../graphql/page-arguments.ts';
import type { FeatureParts } from '../feature.ts';
import { Manager, type ManagerRecord, managers } from '../manager/index.ts';
import { type WorkstationRecord, workstations } from './workstation.entity.ts';
import { WorkstationFilter } from './workstation.filter.ts';
import {
  CreateWorkstationInput,
  TelemetryReading,
  UpdateWorkstationInput,
  WorkstationOrder,
} from './workstation.inputs.ts';
import { TelemetryWindows } from './workstation.telemetry.ts';
import { TelemetryReport, Workstation, WorkstationConnection } from './workstation.type.ts';

@Resolver(() => Workstation)
export class WorkstationResolver {
  readonly #workstations;
  readonly #managers;
  readonly #writes;
  readonly #telemetry;

  constructor({ collections, writer }: FeatureParts) {
    this.#workstations = collections.of(workstations);
    this.#managers = collections.of(managers);
    this.#writes = new CollectionWriter(workstations, writer);
    this.#telemetry = new TelemetryWindows(writer);
  }

  @Authorized<Role>('VIEWER')
  @Extensions(CACHEABLE)
  @Query(() => WorkstationConnection, { description: 'The workstations of the fleet, a page at a time, newest first.' })
  workstations(
    @Args(() => PageArguments) page: PageArguments,
    @Arg('filter', () => WorkstationFilter, { nullable: true, description: 'Which workstations to list.' })
    filter: WorkstationFilter | null,
    @Arg('orderBy', () => WorkstationOrder, { nullable: true, description: 'The order; newest first unless given.' })
    orderBy: WorkstationOrder | null,
    @Ctx() ctx: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ListPage<WorkstationRecord>> {
    return readListPage(this.#workstations, { ...page, filter, orderBy }, ctx, info);
  }

  @Authorized<Role>('VIEWER')
  @Extensions(CACHEABLE)
  @Query(() => Workstation, { nullable: true, description: 'One workstation; null when there is none with this id.' })
  workstation(
    @Arg('id', () => ID, { description: 'The identifier of the workstation.' }) id: string,
    @Ctx() ctx: Context,
  ): WorkstationRecord | null | Promise<WorkstationRecord | null> {
    const known = normalizeId(id);
    return known === null ? null : this.#workstations.findById(known, ctx);
  }

  @Authorized<Role>('VIEWER')
  @FieldResolver(() => Manager, { nullable: true, description: 'Who looks after it; null when nobody does.' })
  manager(
    @Root() { managerId }: WorkstationRecord,
    @Ctx() ctx: Context,
  ): ManagerRecord | null | Promise<ManagerRecord | null> {
    return managerId === null ? null : this.#managers.findById(managerId, ctx);
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => Workstation, { description: 'Adds a workstation to the fleet.' })
  createWorkstation(
    @Arg('input', () => CreateWorkstationInput, { description: 'The workstation.' }) input: CreateWorkstationInput,
  ): Promise<WorkstationRecord> {
    return this.#writes.create(checkInput(input));
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => Workstation, { description: 'Changes a workstation.' })
  updateWorkstation(
    @Arg('id', () => ID, { description: 'The identifier of the workstation.' }) id: string,
    @Arg('input', () => UpdateWorkstationInput, { description: 'What to change.' }) input: UpdateWorkstationInput,
  ): Promise<WorkstationRecord> {
    return this.#writes.update(id, checkInput(input));
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => ID, { description: 'Removes a workstation from the fleet and returns its id.' })
  deleteWorkstation(
    @Arg('id', () => ID, { description: 'The identifier of the workstation.' }) id: string,
  ): Promise<string> {
    return this.#writes.delete(id);
  }

  @Authorized<Role>('OPERATOR', 'AGENT')
  @Mutation(() => TelemetryReport, { description: 'Stores what workstations measured, and that they were seen now.' })
  reportTelemetry(
    @Arg('readings', () => [TelemetryReading], { description: 'Up to 1,000 readings.' }) readings: TelemetryReading[],
    @Ctx() { identity }: Context,
  ): Promise<TelemetryReport> {
    if (identity.workstationId !== undefined) requireOwnReadings(readings, identity.workstationId);
    return this.#telemetry.report(readings);
  }
}

@Resolver(() => Manager)
export class ManagerWorkstationsResolver {
  readonly #workstations;

  constructor({ collections }: FeatureParts) {
    this.#workstations = collections.of(workstations);
  }

  @FieldResolver(() => WorkstationConnection, {
    description: 'The workstations this manager looks after, newest first.',
  })
  workstations(
    @Root() { id }: ManagerRecord,
    @Args(() => PageArguments) page: PageArguments,
    @Arg('filter', () => WorkstationFilter, { nullable: true, description: 'Which of them to list.' })
    filter: WorkstationFilter | null,
    @Ctx() ctx: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ListPage<WorkstationRecord>> {
    return readListPage(this.#workstations, { ...page, filter, within: { managerId: id } }, ctx, info);
  }
}

/** @throws {StationmasterError} FORBIDDEN, and then nothing is stored */
function requireOwnReadings(readings: readonly TelemetryReading[], ownId: string): void {
  const index = readings.findIndex(({ workstationId }) => normalizeId(workstationId) !== ownId);
  if (index === -1) return;
  throw new StationmasterError('FORBIDDEN', "An agent's key reports for its own workstation only.", {
    field: `readings[${index}].workstationId`,
  });
}
