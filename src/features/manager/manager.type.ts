import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { connectionOf } from '../../graphql/connection-type.ts';
import { checkText } from '../../graphql/input-checks.ts';
import { Checked, TextField } from '../../graphql/input-fields.ts';
import { Node } from '../../graphql/relay/node.ts';
import { DateTime, EmailAddress } from '../../graphql/scalars.ts';

@ObjectType({ implements: Node, simpleResolvers: true, description: 'A person who looks after workstations.' })
export class Manager {
  @Field(() => ID, { description: 'The identifier, a UUID.' })
  id!: string;

  @Field(() => String, { description: 'The full name.' })
  name!: string;

  @Field(() => EmailAddress, { description: 'The email address, unique among managers.' })
  email!: string;

  @Field(() => DateTime, { name: 'createdAt', simple: false, description: 'When the manager was added.' })
  createdAtMs!: number;

  @Field(() => DateTime, { name: 'updatedAt', simple: false, description: 'When the manager last changed.' })
  updatedAtMs!: number;

  @Field(() => Int, { description: 'Rises by one with every change; pass it as `expectedVersion` to guard an update.' })
  version!: number;
}

export const ManagerConnection = connectionOf(Manager, {
  one: 'a manager',
  many: 'managers',
  place: 'their place',
  page: 'One page of the managers.',
  total: 'How many managers there are; counted only when asked for.',
});

const checkEmail = (email: string, field: string) => checkText(email, field, 320);

@InputType({ description: 'A manager to be added.' })
export class CreateManagerInput {
  @TextField({ description: 'The full name, 1 to 200 characters.' })
  name!: string;

  @Checked(checkEmail)
  @Field(() => EmailAddress, { description: 'The email address, unique among managers.' })
  email!: string;
}

@InputType({ description: 'What to change of a manager; what is left out stays as it is.' })
export class UpdateManagerInput {
  @TextField({ nullable: true, description: 'The full name, 1 to 200 characters.' })
  name?: string | null;

  @Checked(checkEmail)
  @Field(() => EmailAddress, { nullable: true, description: 'The email address, unique among managers.' })
  email?: string | null;

  @Field(() => Int, { nullable: true, description: 'Refuse with STALE_VERSION unless the manager has this version.' })
  expectedVersion?: number | null;
}
