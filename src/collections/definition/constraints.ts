import type { AnyCollection } from './collection.ts';
import type { Entity } from './columns.ts';

/** Which input a constraint guards, and what to tell who violated it. */
export interface GuardedInput {
  readonly field: string;
  readonly message: string;
}

/** By the names of the constraints: the unique columns and the relations of all these collections. */
export function guardedInputsOf(definitions: readonly AnyCollection[]): ReadonlyMap<string, GuardedInput> {
  return new Map(definitions.flatMap(guardedInputs));
}

function guardedInputs({ entity, table, columns, labels }: AnyCollection): [string, GuardedInput][] {
  return columns.flatMap(({ property, field, name, target, uniqueConstraint }) => {
    const guarded: [string, GuardedInput][] = [];
    const input = `input.${field}`;
    if (uniqueConstraint) {
      const message = `Another ${nounOf(entity)} has this ${labels[property] ?? property}.`;
      guarded.push([uniqueConstraint, { field: input, message }]);
    }
    // The name that PostgreSQL gives a reference.
    if (target) guarded.push([`${table}_${name}_fkey`, { field: input, message: absenceOf(target) }]);
    return guarded;
  });
}

/** What is said of an id that no row of the entity has. */
export function absenceOf(entity: Entity): string {
  return `There is no ${nounOf(entity)} with this id.`;
}

/** What a row of the entity is called in a sentence. */
function nounOf(entity: Entity): string {
  return entity.meta.className.replace(/(?<=.)[A-Z]/g, ' $&').toLowerCase();
}
