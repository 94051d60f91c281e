import { Arg, Authorized, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Resolver } from 'type-graphql';
import type { Role } from '../../auth/identity.ts';
import { type Assignment, BulkWriter, normalizeId, type BulkResult as Result } from '../../collections/index.ts';
import { StationmasterError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { badInput, checkDryRun } from '../../graphql/input-checks.ts';
import { Checked, checkInput, TextField } from '../../graphql/input-fields.ts';
import type { FeatureParts } from '../feature.ts';
import { managers } from '../manager/index.ts';
import { type WorkstationStatus, workstations } from './workstation.entity.ts';
import { WorkstationFilter } from './workstation.filter.ts';
import { checkTags, MAX_TAGS } from './workstation.inputs.ts';
import { WorkstationStatusEnum } from './workstation.type.ts';

@InputType({ description: 'What to change of many workstations; what is left out stays as it is.' })
export class UpdateWorkstationsInput {
  @Field(() => WorkstationStatusEnum, { nullable: true, description: 'What they are doing.' })
  status?: WorkstationStatus | null;

  @Field(() => ID, { nullable: true, description: 'The manager who looks after them; null leaves them without one.' })
  managerId?: string | null;

  @TextField({ nullable: true, description: 'The operating system they run, 1 to 200 characters.' })
  operatingSystem?: string | null;

  @Checked<readonly string[]>(checkTags)
  @Field(() => [String], { nullable: true, description: 'Tags to add to those that they have.' })
  addTags?: readonly string[] | null;

  @Checked<readonly string[]>(checkTags)
  @Field(() => [String], { nullable: true, description: 'Tags to remove from those that they have.' })
  removeTags?: readonly string[] | null;
}

@ObjectType({ simpleResolvers: true, description: 'What came of a write of many workstations.' })
export class BulkResult {
  @Field(() => Int, { description: 'How many fit the filter.' })
  matched!: number;

  @Field(() => Int, { description: 'How many of them changed; the others were as asked already.' })
  changed!: number;

  @Field(() => [ID], { description: 'The first 500 of those that changed, in the order of their ids.' })
  ids!: readonly string[];
}

const FILTER = 'Which workstations. A filter that restricts nothing is refused.';
const DRY_RUN = 'Answer what would change, and change nothing. null is refused.';

@Resolver()
export class WorkstationBulkResolver {
  readonly #managers;
  readonly #writes;

  constructor({ collections, writer }: FeatureParts) {
    this.#managers = collections.of(managers);
    this.#writes = new BulkWriter(workstations, writer);
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => BulkResult, { description: 'Changes all workstations that fit a filter, or none.' })
  async updateWorkstations(
    @Arg('filter', () => WorkstationFilter, { description: FILTER }) filter: WorkstationFilter,
    @Arg('input', () => UpdateWorkstationsInput, { description: 'What to change.' }) input: UpdateWorkstationsInput,
    @Arg('dryRun', () => Boolean, { nullable: true, defaultValue: false, description: DRY_RUN }) dryRun: boolean | null,
    @Ctx() ctx: Context,
  ): Promise<Result> {
    const options = { dryRun: checkDryRun(dryRun) };
    const assignments = assignmentsOf(checkInput(input));
    if (input.managerId != null) await this.#requireManager(input.managerId, ctx);
    return this.#writes.update(filter, assignments, options).catch(explainTags);
  }

  @Authorized<Role>('OPERATOR')
  @Mutation(() => BulkResult, { description: 'Removes all workstations that fit a filter from the fleet, or none.' })
  deleteWorkstations(
    @Arg('filter', () => WorkstationFilter, { description: FILTER }) filter: WorkstationFilter,
    @Arg('dryRun', () => Boolean, { nullable: true, defaultValue: false, description: DRY_RUN }) dryRun: boolean | null,
  ): Promise<Result> {
    return this.#writes.delete(filter, { dryRun: checkDryRun(dryRun) });
  }

  /** A dry run has to say so, too. */
  async #requireManager(given: string, ctx: Context): Promise<void> {
    const id = normalizeId(given);
    if (id !== null && (await this.#managers.findById(id, ctx)) !== null) return;
    throw new StationmasterError('NOT_FOUND', 'There is no manager with this id.', { field: 'input.managerId' });
  }
}

function assignmentsOf(input: UpdateWorkstationsInput): readonly Assignment[] {
  const { managerId, addTags, removeTags } = input;
  const assignments: Assignment[] = [];
  for (const property of ['status', 'operatingSystem'] as const) {
    const value = input[property];
    if (value === null) throw badInput(`${property} cannot be null; leave it out to keep it.`, `input.${property}`);
    if (value !== undefined) assignments.push({ property, value: (_current, bind) => bind(value) });
  }
  if (managerId !== undefined) {
    const value: Assignment['value'] = (_current, bind) => (managerId === null ? 'null' : `${bind(managerId)}::uuid`);
    assignments.push({ property: 'manager', value });
  }
  const [added, removed] = [addTags ?? [], removeTags ?? []];
  const both = removed.findIndex((tag) => added.includes(tag));
  if (both >= 0) throw badInput(`"${removed[both]}" is among the tags to add.`, 'input.removeTags');
  if (added.length + removed.length > 0) assignments.push({ property: 'tags', value: retag(added, removed) });
  if (assignments.length === 0) throw badInput('There is nothing to change.', 'input');
  return assignments;
}

function retag(added: readonly string[], removed: readonly string[]): Assignment['value'] {
  return (current, bind) =>
    `array(select tag from unnest(${current} || ${bind(added)}::text[]) tag where tag <> all(${bind(removed)}::text[])
      group by tag order by tag collate "C")`;
}

function explainTags(error: unknown): never {
  const { constraint } = ((error as Error).cause ?? {}) as { readonly constraint?: string };
  if (constraint !== 'workstation_tags_check') throw error;
  throw badInput(`A workstation would have more than ${MAX_TAGS} tags.`, 'input.addTags');
}
