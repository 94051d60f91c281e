import { type EntitySchema, UnderscoreNamingStrategy } from '@mikro-orm/core';
import type { ValueKind } from '../../database/read/column-types.ts';

// biome-ignore lint/suspicious/noExplicitAny: the types of two concrete entities have nothing in common
export type Entity = EntitySchema<any>;

/** The kinds of value a record can hold, each with a reader of its own in `RowReader`. */
export type ColumnKind = ValueKind;

/** One column of an entity's table, and what it is called on each side. */
export interface Column {
  /** In the entity: `lastSeenAt`, `manager`. */
  readonly property: string;
  /** In the record: `lastSeenAtMs`, `managerId`. */
  readonly field: string;
  /** In SQL: `last_seen_at`, `manager_id`. */
  readonly name: string;
  readonly kind: ColumnKind;
  readonly isNullable: boolean;
  readonly hasDefault: boolean;
  /** Whether its values repeat from row to row, so that equal ones are read as one string. */
  readonly isInterned: boolean;
  /** The only values it can have; `null`: any of its kind. */
  readonly values: readonly string[] | null;
  /** The entity whose id it holds; `null`: it is no relation. */
  readonly target: Entity | null;
  /** The name of the constraint by which no two rows have the same value; `null`: there is none. */
  readonly uniqueConstraint: string | null;
}

/** Names columns as MikroORM does when it discovers the entity. */
const NAMING = new UnderscoreNamingStrategy();

const KIND_OF_TYPE: Readonly<Record<string, ColumnKind>> = {
  enum: 'text',
  TextType: 'text',
  StringType: 'text',
  UuidType: 'uuid',
  DoubleType: 'float',
  IntegerType: 'int',
  BigIntType: 'bigint',
  BooleanType: 'boolean',
  DateTimeType: 'time',
  TextsType: 'texts',
};

/**
 * The columns of an entity, in the order of its properties.
 * @param interned the properties whose values repeat, besides enums and relations, whose values always do
 * @throws {TypeError} when a property has a type that records do not hold
 */
export function columnsOf(entity: Entity, interned: readonly string[]): readonly Column[] {
  entity.init();
  return Object.values(entity.meta.properties).map((property): Column => {
    const { name, kind, enum: isEnum = false, items, nullable = false, unique } = property;
    const isRelation = kind === 'm:1';
    const type = typeOf(property);
    const columnKind = isRelation ? 'uuid' : KIND_OF_TYPE[type];
    if (!columnKind) throw new TypeError(`A record cannot hold ${entity.meta.className}.${name}, of type ${type}.`);
    return {
      property: name,
      field: isRelation ? `${name}Id` : columnKind === 'time' ? `${name}Ms` : name,
      name: isRelation ? NAMING.joinKeyColumnName(name, 'id') : NAMING.propertyToColumnName(name),
      kind: property.columnTypes?.[0] === 'inet' ? 'ip' : columnKind,
      isNullable: nullable,
      hasDefault: property.default !== undefined || property.defaultRaw !== undefined,
      isInterned: isRelation || isEnum || interned.includes(name),
      values: isEnum ? (items as string[]) : null,
      target: isRelation ? targetOf(property) : null,
      uniqueConstraint: typeof unique === 'string' ? unique : null,
    };
  });
}

function typeOf({ type }: { readonly type: unknown }): string {
  return typeof type === 'string' ? type : (type as { readonly name: string }).name;
}

function targetOf(property: object): Entity {
  return (property as { entity(): Entity }).entity();
}
