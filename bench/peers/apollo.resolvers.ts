import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { Manager, Workstation } from './apollo.entities.ts';
import type { Context } from './apollo.loaders.ts';

@ObjectType()
class WorkstationConnection {
  @Field(() => [Workstation])
  nodes!: Workstation[];
}

@ObjectType()
class ManagerConnection {
  @Field(() => [Manager])
  nodes!: Manager[];
}

@InputType()
class UpdateWorkstationInput {
  @Field(() => String, { nullable: true })
  hostname?: string;
}

@Resolver(() => Workstation)
export class WorkstationResolver {
  @Query(() => WorkstationConnection)
  async workstations(
    @Arg('first', () => Int, { defaultValue: 50 }) first: number,
    @Ctx() { em }: Context,
  ): Promise<WorkstationConnection> {
    return {
      nodes: await em.find(Workstation, {}, { orderBy: { createdAt: 'desc', id: 'desc' }, limit: first }),
    };
  }

  @Query(() => Workstation, { nullable: true })
  workstation(@Arg('id', () => ID) id: string, @Ctx() { em }: Context): Promise<Workstation | null> {
    return em.findOne(Workstation, { id });
  }

  @FieldResolver(() => Manager, { nullable: true })
  manager(@Root() { manager }: Workstation, @Ctx() { loaders }: Context): Promise<Manager | null> | null {
    return manager ? loaders.manager.load(manager.id) : null;
  }

  @Mutation(() => Workstation)
  async updateWorkstation(
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UpdateWorkstationInput) input: UpdateWorkstationInput,
    @Ctx() { em }: Context,
  ): Promise<Workstation> {
    const workstation = await em.findOneOrFail(Workstation, { id });
    em.assign(workstation, input);
    await em.flush();
    // A trigger in the database increments the version.
    return em.refreshOrFail(workstation);
  }
}

@Resolver(() => Manager)
export class ManagerResolver {
  @Query(() => ManagerConnection)
  async managers(
    @Arg('first', () => Int, { defaultValue: 50 }) first: number,
    @Ctx() { em }: Context,
  ): Promise<ManagerConnection> {
    return { nodes: await em.find(Manager, {}, { orderBy: { createdAt: 'desc', id: 'desc' }, limit: first }) };
  }

  @FieldResolver(() => WorkstationConnection)
  async workstations(
    @Root() { id }: Manager,
    @Arg('first', () => Int, { defaultValue: 50 }) first: number,
    @Ctx() { loaders }: Context,
  ): Promise<WorkstationConnection> {
    return { nodes: (await loaders.workstationsOf.load(id)).slice(0, first) };
  }
}

export { Manager, Workstation };
