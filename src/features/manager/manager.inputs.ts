import { Field, ID, InputType, registerEnumType } from 'type-graphql';
import { orderFieldsOf } from '../../collections/index.ts';
import { OrderDirection } from '../../graphql/page-arguments.ts';
import { managers } from './manager.entity.ts';

export const ManagerOrderField = orderFieldsOf(managers);

registerEnumType(ManagerOrderField, {
  name: 'ManagerOrderField',
  description: 'What a list of managers can be ordered by. Equal values are ordered by id.',
  valuesConfig: {
    NAME: { description: 'The name, by code point: capitals before small letters.' },
    EMAIL: { description: 'The email address, by code point.' },
    CREATED_AT: { description: 'The time at which the manager was added.' },
  },
});

@InputType({ description: 'The order of a list of managers.' })
export class ManagerOrder {
  @Field(() => ManagerOrderField, { description: 'What to order by.' })
  field!: keyof typeof ManagerOrderField;

  @Field(() => OrderDirection, { defaultValue: OrderDirection.ASC, description: 'In which direction.' })
  direction!: OrderDirection;
}

@InputType({
  description: `Which managers: those that fit every part given. A part that is null or an empty list or text restricts
nothing. At most 50 parts and 5 levels; a list has at most 500 values, a text 200 characters.`,
})
export class ManagerFilter {
  @Field(() => [ID], { nullable: true, description: 'With any of these ids.' })
  ids?: string[] | null;

  @Field(() => String, {
    nullable: true,
    description: 'With this text in the name; the case of a to z does not matter.',
  })
  nameContains?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'With this text in the email address; the case of a to z does not matter.',
  })
  emailContains?: string | null;

  @Field(() => [ManagerFilter], { nullable: true, description: 'That fit all of these.' })
  and?: ManagerFilter[] | null;

  @Field(() => [ManagerFilter], { nullable: true, description: 'That fit at least one of these.' })
  or?: ManagerFilter[] | null;

  @Field(() => ManagerFilter, { nullable: true, description: 'That do not fit this.' })
  not?: ManagerFilter | null;
}
