import { coerceInputValue, type GraphQLError, type GraphQLInputType, type GraphQLSchema } from 'graphql';
import type { AnyCollection, ListOrder, NormalizedFilter } from '../../collections/index.ts';
import { badInput } from '../../graphql/input-checks.ts';

export interface ExportArguments {
  /** `null` when no row can fit. */
  readonly filter: NormalizedFilter | null;
  readonly order: ListOrder;
}

const NAMES: readonly string[] = ['filter', 'orderBy'];
/** Of arrays and objects within each other: more than any filter may have. */
const MAX_LEVELS = 32;

/**
 * Reads `filter` and `orderBy`, each as the JSON of the argument of the same name of the collection's list in the schema.
 * @throws {StationmasterError} BAD_USER_INPUT with the field at fault
 */
export function readExportArguments(search: string, schema: GraphQLSchema, definition: AnyCollection): ExportArguments {
  const parameters = new URLSearchParams(search);
  for (const name of parameters.keys()) {
    if (!NAMES.includes(name)) throw badInput(`An export takes ${NAMES.join(' and ')}, but not ${name}.`, name);
    if (parameters.getAll(name).length > 1) throw badInput(`${name} comes more than once.`, name);
  }
  const args = schema.getQueryType()?.getFields()[definition.key]?.args ?? [];
  const read = (name: string) => {
    const text = parameters.get(name);
    if (text === null || text === '') return null;
    const type = args.find((arg) => arg.name === name)?.type;
    if (!type) throw badInput(`${definition.key} have no ${name}.`, name);
    return coerce(parse(text, name), type, name);
  };
  const filter = definition.normalizeFilter(read('filter'));
  return { filter, order: { ...definition.defaultOrder, ...(read('orderBy') as Partial<ListOrder> | null) } };
}

function parse(text: string, name: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badInput(`${name} is not JSON.`, name);
  }
  if (levelsOf(value, MAX_LEVELS) > MAX_LEVELS) throw badInput(`${name} has more than ${MAX_LEVELS} levels.`, name);
  return value;
}

function coerce(value: unknown, type: GraphQLInputType, name: string): unknown {
  return coerceInputValue(value, type, (path, _value, { message }: GraphQLError) => {
    const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`));
    throw badInput(message, name + steps.join(''));
  });
}

/** Stops at one more than `most`. */
function levelsOf(value: unknown, most: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (most === 0) return 1;
  return 1 + Math.max(0, ...Object.values(value).map((part) => levelsOf(part, most - 1)));
}
