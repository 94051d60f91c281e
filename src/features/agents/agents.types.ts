import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { badInput } from '../../graphql/input-checks.ts';
import { Checked, TextField } from '../../graphql/input-fields.ts';
import { DateTime, IP } from '../../graphql/scalars.ts';
import { checkHostname, checkIpAddress, Workstation, type WorkstationRecord } from '../workstation/index.ts';

@ObjectType({
  simpleResolvers: true,
  description: 'A token with which agents enroll. The token itself is shown only once, when it is created.',
})
export class AgentEnrollment {
  @Field(() => ID, { description: 'The identifier, a UUID.' })
  id!: string;

  @Field(() => String, { description: 'What it is for.' })
  label!: string;

  @Field(() => Int, { description: 'How many machines may enroll with it.' })
  maxUses!: number;

  @Field(() => Int, { description: 'How many machines have enrolled with it.' })
  uses!: number;

  @Field(() => DateTime, { description: 'When it was created.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it ends.' })
  expiresAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When it was revoked; null if it was not.' })
  revokedAt!: Date | null;
}

@ObjectType({ simpleResolvers: true, description: 'A token with which agents enroll, as it is created.' })
export class AgentEnrollmentToken extends AgentEnrollment {
  @Field(() => String, { description: 'The token. It cannot be read again: only its hash is stored.' })
  token!: string;
}

@ObjectType({ simpleResolvers: true, description: 'What an agent needs to report its machine.' })
export class AgentCredentials {
  @Field(() => Workstation, { description: 'The workstation that the machine is.' })
  workstation!: WorkstationRecord;

  @Field(() => String, {
    description:
      'The key, sent as `Authorization: Bearer smk_…`. It reports this workstation only, and cannot be read again: only its hash is stored.',
  })
  key!: string;
}

const MAX_USES = 1000;
const MIN_LIFETIME_SECONDS = 60;
const MAX_LIFETIME_SECONDS = 31_536_000;

@InputType({ description: 'A token to be created, with which agents enroll.' })
export class CreateAgentEnrollmentInput {
  @TextField({ description: 'What it is for, 1 to 200 characters.' })
  label!: string;

  @Checked(inRange(1, MAX_USES))
  @Field(() => Int, {
    nullable: true,
    defaultValue: 1,
    description: 'How many machines may enroll with it, 1 to 1,000. A machine that enrolls again counts once.',
  })
  maxUses?: number | null;

  @Checked(inRange(MIN_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS))
  @Field(() => Int, {
    nullable: true,
    defaultValue: 86_400,
    description: 'After how many seconds it ends: a minute to a year (31,536,000); a day unless given.',
  })
  expiresInSeconds?: number | null;
}

@InputType({ description: 'A machine that enrolls.' })
export class EnrollAgentInput {
  @TextField({
    description: 'What the machine calls itself, such as /etc/machine-id, unique in the fleet, 1 to 200 characters.',
  })
  machineId!: string;

  @TextField({
    nullable: true,
    description:
      'The name for a new workstation, 1 to 200 characters; the host name unless given. If it is taken, it gets a suffix.',
  })
  name?: string | null;

  @Checked(checkHostname)
  @Field(() => String, { description: 'Its name on the network, letters, digits, dots and hyphens (RFC 1123).' })
  hostname!: string;

  @Checked(checkIpAddress)
  @Field(() => IP, { description: 'Its IPv4 or IPv6 address.' })
  ipAddress!: string;

  @TextField({ description: 'The operating system it runs, 1 to 200 characters.' })
  operatingSystem!: string;
}

function inRange(min: number, max: number) {
  return (value: unknown, field: string): number => {
    const number = value as number;
    if (number >= min && number <= max) return number;
    throw badInput(`${field} is ${min} to ${max}; got ${number}.`, `input.${field}`);
  };
}
