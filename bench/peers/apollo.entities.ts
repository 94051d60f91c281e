import { type Ref } from '@mikro-orm/core';
import { Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Field, Float, ID, Int, ObjectType } from 'type-graphql';

@ObjectType()
@Entity({ tableName: 'manager' })
export class Manager {
  @Field(() => ID)
  @PrimaryKey({ type: 'uuid' })
  id!: string;

  @Field(() => String)
  @Property({ type: 'text' })
  name!: string;

  @Field(() => String)
  @Property({ type: 'text' })
  email!: string;

  @Property({ type: 'datetime' })
  createdAt!: Date;

  @Field(() => Int)
  @Property({ type: 'integer' })
  version!: number;
}

@ObjectType()
@Entity({ tableName: 'workstation' })
export class Workstation {
  @Field(() => ID)
  @PrimaryKey({ type: 'uuid' })
  id!: string;

  @Field(() => String)
  @Property({ type: 'text' })
  name!: string;

  @Field(() => String)
  @Property({ type: 'text' })
  hostname!: string;

  @Field(() => String)
  @Property({ columnType: 'inet', type: 'string' })
  ipAddress!: string;

  @Field(() => String)
  @Property({ type: 'text' })
  operatingSystem!: string;

  @Field(() => String)
  @Property({ type: 'text' })
  status!: string;

  @Field(() => Float, { nullable: true })
  @Property({ type: 'double', nullable: true })
  cpuUsage!: number | null;

  @Field(() => Float, { nullable: true })
  @Property({ type: 'double', nullable: true })
  memoryUsage!: number | null;

  @Field(() => Float, { nullable: true })
  @Property({ type: 'double', nullable: true })
  diskUsage!: number | null;

  @Property({ type: 'datetime' })
  createdAt!: Date;

  @Field(() => Int)
  @Property({ type: 'integer' })
  version!: number;

  @ManyToOne(() => Manager, { nullable: true, ref: true })
  manager!: Ref<Manager> | null;
}
