import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValidationRule,
} from 'graphql';
import type { QueryLimits } from '../config/config.ts';
import { StationmasterError } from '../errors.ts';
import { fragmentsOf } from './fragments.ts';

/*
 * What a query may ask for. Each document is measured in one pass that counts a fragment once, so that fragments which
 * spread each other a billion times cost no more than their text. The pass comes first in validation and ends it when it
 * fails: some rules of the specification compare every pair of fields or fragments.
 *
 * graphql-armor and graphql-depth-limit do not do that; see docs/decisions/04-query-limits.md.
 */

export interface QueryGuard {
  /** For graphql-js' parser, which counts the tokens. */
  readonly parseOptions: { readonly maxTokens: number };
  /** Belongs before the rules of the specification. */
  readonly rule: ValidationRule;
  /** @throws {StationmasterError} `BAD_USER_INPUT` for a text that is too long to be parsed */
  checkLength(query: unknown): void;
  /**
   * Checks the variables that the operation declares. Others are never read.
   * @throws {StationmasterError} `BAD_USER_INPUT` for one that is too large or too deep, with its name as the field
   */
  checkVariables(variables: Readonly<Record<string, unknown>>, operation: OperationDefinitionNode): void;
  /** The error for an operation of that cost; `null` when the cost is within the limit. */
  refuseCost(cost: number, operation: OperationDefinitionNode): GraphQLError | null;
}

export function createQueryGuard(limits: QueryLimits): QueryGuard {
  return {
    parseOptions: { maxTokens: limits.maxTokens },
    rule: (context) => ({
      Document(document) {
        const error = findExcess(document, limits);
        if (!error) return undefined;
        context.reportError(error);
        // Leaves nothing to validate.
        return null;
      },
    }),
    checkLength(query) {
      if (typeof query !== 'string' || query.length <= limits.maxLength) return;
      throw new StationmasterError('BAD_USER_INPUT', excess('length', query.length, limits.maxLength));
    },
    checkVariables(variables, { variableDefinitions = [] }) {
      for (const { variable } of variableDefinitions) {
        const field = variable.name.value;
        const what = findVariableExcess(variables[field]);
        if (what) throw new StationmasterError('BAD_USER_INPUT', `The variable has more than ${what}.`, { field });
      }
    },
    refuseCost: (cost, operation) =>
      cost > limits.maxCost ? refuse(excess('cost', cost, limits.maxCost), operation) : null,
  };
}

/** No input has half as many. */
const MAX_VARIABLE_LEVELS = 32;
/** Twice as many as a batch of telemetry has. Each costs graphql-js and TypeGraphQL some 20 microseconds. */
const MAX_VARIABLE_OBJECTS = 2000;

/** What a variable has too much of; `null`: nothing. */
function findVariableExcess(variable: unknown): string | null {
  let objects = 0;
  const isExcessive = (value: unknown, levels: number): boolean => {
    if (typeof value !== 'object' || value === null) return false;
    if (!Array.isArray(value)) objects += 1;
    if (levels === 0 || objects > MAX_VARIABLE_OBJECTS) return true;
    return Object.values(value).some((each) => isExcessive(each, levels - 1));
  };
  if (!isExcessive(variable, MAX_VARIABLE_LEVELS)) return null;
  return objects > MAX_VARIABLE_OBJECTS
    ? `${MAX_VARIABLE_OBJECTS} objects`
    : `${MAX_VARIABLE_LEVELS} levels of lists and objects within each other`;
}

function refuse(message: string, node?: OperationDefinitionNode | FragmentDefinitionNode): GraphQLError {
  const originalError = new StationmasterError('BAD_USER_INPUT', message);
  return new GraphQLError(message, { nodes: node, originalError });
}

const MEANING = {
  length: 'characters in the text of the query',
  depth: 'levels of fields within fields',
  aliases: 'aliases',
  directives: 'directives',
  fields: 'fields, with fragments written out',
  repeats: 'selections of the same field of the answer',
  cost: 'fields times the rows of their pages',
} as const;

function excess(limit: keyof typeof MEANING, count: number, max: number): string {
  const counted = count > 1_000_000_000 ? 'over a billion' : count;
  return `The query exceeds the limit on ${limit} (${MEANING[limit]}): it has ${counted}, and at most ${max} are allowed.`;
}

function findExcess(document: DocumentNode, limits: QueryLimits): GraphQLError | null {
  const meter = new Meter(document);
  const total = { aliases: 0, directives: 0, fields: 0 };
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  // Unused fragments are validated too.
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) meter.measureFragment(definition.name.value);
  }
  if (meter.cyclic) return refuse(`Cannot spread fragment "${meter.cyclic.name.value}" within itself.`, meter.cyclic);

  for (const operation of operations) {
    const { aliases, depth, directives, fields } = meter.measure(operation.selectionSet);
    total.aliases += aliases;
    total.fields += fields;
    total.directives += directives + countDirectives(operation);
    for (const variable of operation.variableDefinitions ?? []) total.directives += countDirectives(variable);
    if (depth > limits.maxDepth) return refuse(excess('depth', depth, limits.maxDepth), operation);
  }
  if (total.fields > limits.maxFields) return refuse(excess('fields', total.fields, limits.maxFields));
  if (total.aliases > limits.maxAliases) return refuse(excess('aliases', total.aliases, limits.maxAliases));
  if (total.directives > limits.maxDirectives) {
    return refuse(excess('directives', total.directives, limits.maxDirectives));
  }
  for (const operation of operations) {
    const repeats = meter.countRepeats([operation.selectionSet]);
    if (repeats > limits.maxRepeats) return refuse(excess('repeats', repeats, limits.maxRepeats), operation);
  }
  return null;
}

function countDirectives({ directives }: { directives?: readonly unknown[] | undefined }): number {
  return directives?.length ?? 0;
}

/** Counts of a selection, with the fragments it spreads. */
interface Measure {
  depth: number;
  fields: number;
  aliases: number;
  directives: number;
}

class Meter {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #measures = new Map<string, Measure | 'unfinished'>();
  /** A fragment that spreads itself, directly or through others. */
  cyclic: FragmentDefinitionNode | undefined;

  constructor(document: DocumentNode) {
    this.#fragments = fragmentsOf(document);
  }

  measure({ selections }: SelectionSetNode): Measure {
    const sum: Measure = { depth: 0, fields: 0, aliases: 0, directives: 0 };
    for (const selection of selections) {
      sum.directives += countDirectives(selection);
      if (selection.kind === Kind.FIELD) {
        sum.fields += 1;
        if (selection.alias) sum.aliases += 1;
        add(sum, selection.selectionSet && this.measure(selection.selectionSet), levelsOf(selection));
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        add(sum, this.measure(selection.selectionSet));
      } else {
        add(sum, this.measureFragment(selection.name.value));
      }
    }
    return sum;
  }

  /** `undefined` for a missing fragment, which another rule reports. */
  measureFragment(name: string): Measure | undefined {
    const known = this.#measures.get(name);
    if (known === 'unfinished') this.cyclic ??= this.#fragments.get(name);
    if (known !== undefined) return known === 'unfinished' ? undefined : known;
    const fragment = this.#fragments.get(name);
    if (!fragment) return undefined;
    this.#measures.set(name, 'unfinished');
    const measure = this.measure(fragment.selectionSet);
    measure.directives += countDirectives(fragment);
    this.#measures.set(name, measure);
    return measure;
  }

  /**
   * How often the most selected field of the response is selected. Walks fragments at every spread, so the number of
   * fields must be checked first.
   */
  countRepeats(selectionSets: readonly SelectionSetNode[]): number {
    const fields = new Map<string, FieldNode[]>();
    for (const selectionSet of selectionSets) this.#collect(selectionSet, fields);
    let most = 0;
    for (const nodes of fields.values()) {
      const below = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
      most = Math.max(most, nodes.length, below.length > 0 ? this.countRepeats(below) : 0);
    }
    return most;
  }

  #collect({ selections }: SelectionSetNode, fields: Map<string, FieldNode[]>): void {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value;
        const nodes = fields.get(name);
        if (nodes) nodes.push(selection);
        else fields.set(name, [selection]);
      } else {
        const within = selection.kind === Kind.INLINE_FRAGMENT ? selection : this.#fragments.get(selection.name.value);
        if (within) this.#collect(within.selectionSet, fields);
      }
    }
  }
}

/** Introspection takes many levels; a rule of graphql-js stops it from nesting without limit. */
function levelsOf({ name }: FieldNode): 'all' | 'one' {
  return name.value.startsWith('__') ? 'one' : 'all';
}

function add(sum: Measure, part: Measure | undefined, levels?: 'all' | 'one'): void {
  const below = levels === undefined ? 0 : 1;
  sum.depth = Math.max(sum.depth, below + (levels === 'one' ? 0 : (part?.depth ?? 0)));
  if (!part) return;
  sum.fields += part.fields;
  sum.aliases += part.aliases;
  sum.directives += part.directives;
}
