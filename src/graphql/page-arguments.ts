import { ArgsType, Field, Int, registerEnumType } from 'type-graphql';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from './page-size.ts';

/**
 * The paging arguments that every list takes. `first` has no default in the schema: a list could not tell it from a size that
 * the client gives beside `last`.
 */
@ArgsType()
export class PageArguments {
  @Field(() => Int, {
    nullable: true,
    description: `Pages forward: the first rows of the list, 1 to ${MAX_PAGE_SIZE}; ${DEFAULT_PAGE_SIZE} when neither \`first\` nor \`last\` is given.`,
  })
  first?: number | null;

  @Field(() => String, { nullable: true, description: 'Only the rows behind the row with this cursor.' })
  after?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: `Pages backward: the last rows of the list, 1 to ${MAX_PAGE_SIZE}, in its order. Not together with \`first\`.`,
  })
  last?: number | null;

  @Field(() => String, { nullable: true, description: 'Only the rows before the row with this cursor.' })
  before?: string | null;
}

export enum OrderDirection {
  ASC = 'ASC',
  DESC = 'DESC',
}

registerEnumType(OrderDirection, {
  name: 'OrderDirection',
  description: 'The direction of an order.',
  valuesConfig: { ASC: { description: 'Smallest first.' }, DESC: { description: 'Largest first.' } },
});
