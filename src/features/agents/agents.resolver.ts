import { Arg, Authorized, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { Role } from '../../auth/identity.ts';
import { StationmasterError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { checkInput } from '../../graphql/input-fields.ts';
import { createRateLimiter, refuseFor } from '../../operations/rate-limit.ts';
import type { FeatureParts } from '../feature.ts';
import {
  AgentCredentials,
  AgentEnrollment,
  AgentEnrollmentToken,
  CreateAgentEnrollmentInput,
  EnrollAgentInput,
} from './agents.types.ts';
import { Enrollments } from './enrollments.ts';

/** Refused enrollments of one address in a minute, in any environment: a fleet may enroll at once, but not guess. */
export const MAX_REFUSED_ENROLLMENTS = 30;

@Resolver()
export class AgentsResolver {
  readonly #enrollments;
  readonly #refusals = createRateLimiter({ perAddress: MAX_REFUSED_ENROLLMENTS, perToken: undefined }, Date.now);

  constructor({ database, writer }: FeatureParts) {
    this.#enrollments = new Enrollments(database, writer);
  }

  @Authorized<Role>('ADMIN')
  @Query(() => [AgentEnrollment], {
    description: 'The tokens with which agents enroll, the newest first, up to 1,000.',
  })
  agentEnrollments(): Promise<AgentEnrollment[]> {
    return this.#enrollments.list();
  }

  @Authorized<Role>('ADMIN')
  @Mutation(() => AgentEnrollmentToken, {
    description: 'Creates a token with which agents enroll. It is shown this once.',
  })
  createAgentEnrollment(
    @Arg('input', () => CreateAgentEnrollmentInput, { description: 'The token.' }) input: CreateAgentEnrollmentInput,
  ): Promise<AgentEnrollmentToken> {
    return this.#enrollments.create(checkInput(input));
  }

  @Authorized<Role>('ADMIN')
  @Mutation(() => Boolean, {
    description:
      'Ends a token with which agents enroll; false if it had been revoked before. The keys of machines that enrolled with it stay.',
  })
  revokeAgentEnrollment(
    @Arg('id', () => ID, { description: 'The identifier of the enrollment.' }) id: string,
  ): Promise<boolean> {
    return this.#enrollments.revoke(id);
  }

  @Authorized<Role>('ADMIN')
  @Mutation(() => Boolean, {
    description:
      "Ends the key of a workstation's agent, which then needs a token to enroll again; false if it has none.",
  })
  revokeAgentKey(
    @Arg('workstationId', () => ID, { description: 'The identifier of the workstation.' }) workstationId: string,
  ): Promise<boolean> {
    return this.#enrollments.revokeKey(workstationId);
  }

  // Without roles: the token decides.
  @Mutation(() => AgentCredentials, {
    description:
      'Enrolls a machine. It needs no role but a token of `createAgentEnrollment`. A machine that enrolls again gets its workstation and a new key, and its old key ends.',
  })
  async enrollAgent(
    @Arg('token', () => String, { description: 'The token, `sme_…`.' }) token: string,
    @Arg('input', () => EnrollAgentInput, { description: 'The machine.' }) input: EnrollAgentInput,
    @Ctx() { sender }: Context,
  ): Promise<AgentCredentials> {
    refuseFor(this.#refusals.peek(null, sender));
    try {
      return await this.#enrollments.enroll(token, checkInput(input));
    } catch (error) {
      if (error instanceof StationmasterError && error.field === 'token') this.#refusals.take(null, sender);
      throw error;
    }
  }
}
