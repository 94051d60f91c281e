import { Field, InputType, Int } from 'type-graphql';
import { checkText } from '../../graphql/input-checks.ts';
import { EmailAddress } from '../../graphql/scalars.ts';

const MAX_EMAIL_LENGTH = 320;

@InputType({ description: 'A manager to be added.' })
export class CreateManagerInput {
  @Field(() => String, { description: 'The full name, 1 to 200 characters.' })
  name!: string;

  @Field(() => EmailAddress, { description: 'The email address, unique among managers.' })
  email!: string;
}

@InputType({ description: 'What to change of a manager; what is left out stays as it is.' })
export class UpdateManagerInput {
  @Field(() => String, { nullable: true, description: 'The full name, 1 to 200 characters.' })
  name?: string | null;

  @Field(() => EmailAddress, { nullable: true, description: 'The email address, unique among managers.' })
  email?: string | null;

  @Field(() => Int, { nullable: true, description: 'Refuse with STALE_VERSION unless the manager has this version.' })
  expectedVersion?: number | null;
}

/** What is written of a manager: the input, checked, without what is absent. */
export interface ManagerValues {
  name?: string;
  email?: string;
}

/** @throws {StationmasterError} BAD_USER_INPUT with the field at fault */
export function checkManager(input: CreateManagerInput | UpdateManagerInput): ManagerValues {
  const values: ManagerValues = {};
  if (input.name !== undefined) values.name = checkText(input.name, 'name');
  if (input.email !== undefined) values.email = checkText(input.email, 'email', MAX_EMAIL_LENGTH);
  return values;
}
