import type { InferEntity, Opt } from '@mikro-orm/core';

/** What every record has: see `base.entity.ts`. */
export interface Identified {
  readonly id: string;
  /** Rises with every edit of the row, but not with what a machine reports; this is what clients are shown. */
  readonly version: number;
  /** Rises with every write of the row. */
  readonly rowVersion: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/**
 * An entity's row as the cache holds it and resolvers return it: plain, frozen, JSON-safe.
 *
 * A property keeps its name and type, except that a date `lastSeenAt` becomes the number `lastSeenAtMs` (milliseconds
 * since the epoch) and a relation `manager` the id `managerId`. A column without a value is `null`.
 */
export type RecordOf<Entity> = {
  readonly [Property in PropertyOf<Entity> as FieldOf<Entity, Property>]: Stored<InferEntity<Entity>[Property]>;
};

/** The names of an entity's properties. */
export type PropertyOf<Entity> = keyof InferEntity<Entity> & string;

/** The name in the record of what the entity calls `Property`. */
export type FieldOf<Entity, Property extends PropertyOf<Entity>> =
  NonNullable<InferEntity<Entity>[Property]> extends Date
    ? `${Property}Ms`
    : NonNullable<InferEntity<Entity>[Property]> extends Primitive | readonly string[]
      ? Property
      : `${Property}Id`;

type Primitive = string | number | boolean;

/** MikroORM types a double as `string | number`; here it is always read as a number. */
type Stored<Value> = number extends NonNullable<Value> ? number | Extract<Value, null> : StoredPart<Value>;

type StoredPart<Value> = Value extends null | undefined
  ? null
  : Value extends Date
    ? number
    : Value extends readonly string[]
      ? readonly string[]
      : Value extends Primitive
        ? Value extends Opt<infer Plain>
          ? Plain
          : Value
        : string;
