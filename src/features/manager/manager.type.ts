import { Field, ID, Int, ObjectType } from 'type-graphql';
import { PageInfo } from '../../graphql/pagination.ts';
import { DateTime, EmailAddress } from '../../graphql/scalars.ts';

@ObjectType({ simpleResolvers: true, description: 'A person who looks after workstations.' })
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

@ObjectType({ simpleResolvers: true, description: 'A manager in a list, with the cursor of their place.' })
export class ManagerEdge {
  @Field(() => String, { description: 'Pass it as `after` for the managers behind this one.' })
  cursor!: string;

  @Field(() => Manager, { description: 'The manager.' })
  node!: Manager;
}

@ObjectType({ simpleResolvers: true, description: 'One page of the managers.' })
export class ManagerConnection {
  @Field(() => [ManagerEdge], { description: 'The managers of the page with their cursors.' })
  edges!: ManagerEdge[];

  @Field(() => [Manager], { description: 'The managers of the page.' })
  nodes!: Manager[];

  @Field(() => PageInfo, { description: 'Where the page stands in the list.' })
  pageInfo!: PageInfo;

  @Field(() => Int, { description: 'How many managers there are; counted only when asked for.' })
  totalCount!: number;
}
