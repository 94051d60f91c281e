import type { ApolloServerPlugin } from '@apollo/server';
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
import type { Context } from '../graphql/context.ts';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../graphql/page-size.ts';
import { HttpRefusal } from '../http/http-refusal.ts';

/*
 * What a query may ask for. Every document is measured in one pass in which each fragment counts once, so that fragments
 * which spread each other a billion times cost no more than their text. It comes first in validation and ends it: some
 * of the specification's own rules compare every pair of fields or fragments.
 *
 * The packages at hand do not do that: graphql-armor and graphql-depth-limit walk fragments again at every spread, after
 * those rules; graphql-armor does not count aliases of `__typename`; and none multiplies a page's size by that of the
 * pages within it.
 */

/** The limits, as HTTP and WebSockets put them to use. */
export interface QueryGuard {
  /** For graphql-js' parser, which counts the tokens. */
  readonly parseOptions: { readonly maxTokens: number };
  readonly rule: ValidationRule;
  /** @throws {HttpRefusal} 400 for a text too long to be looked at */
  checkLength(query: unknown): void;
  /** What is wrong with the pages a valid operation asks for; the variables decide, so it is asked for each request. */
  findExcessiveCost(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Readonly<Record<string, unknown>> | null | undefined,
  ): GraphQLError | null;
}

export function createQueryGuard(limits: QueryLimits): QueryGuard {
  return {
    parseOptions: { maxTokens: limits.maxTokens },
    rule: (context) => ({
      Document(document) {
        const error = findExcess(document, limits);
        if (!error) return undefined;
        context.reportError(error);
        // As if there were nothing left to validate.
        return null;
      },
    }),
    checkLength(query) {
      if (typeof query !== 'string' || query.length <= limits.maxLength) return;
      throw new HttpRefusal(400, excess('length', query.length, limits.maxLength));
    },
    findExcessiveCost(document, operation, variables) {
      const cost = new CostMeter(document, variables ?? {}).costOf(operation);
      return cost > limits.maxCost ? refuse(excess('cost', cost, limits.maxCost), operation) : null;
    },
  };
}

/** `findExcessiveCost` for Apollo Server, after validation and before execution. */
export function limitCost(guard: QueryGuard): ApolloServerPlugin<Context> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ document, operation, request }) {
          const error = operation && guard.findExcessiveCost(document, operation, request.variables);
          if (error) throw error;
        },
      };
    },
  };
}

function refuse(message: string, node?: OperationDefinitionNode | FragmentDefinitionNode): GraphQLError {
  const originalError = new StationmasterError('BAD_USER_INPUT', message);
  return new GraphQLError(message, { nodes: node, originalError, extensions: { http: { status: 400 } } });
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
  // Fragments that nothing spreads are validated as well.
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

/** What a selection comes to with the fragments it spreads. */
interface Measure {
  depth: number;
  fields: number;
  aliases: number;
  directives: number;
}

class Meter {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #measures = new Map<string, Measure | 'unfinished'>();
  /** A fragment that spreads itself, on however long a way. */
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

  /** `undefined` for one that is not there, which is for another rule to say. */
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
   * How often the most selected field of the answer is selected. Walks fragments at every spread, so only documents
   * whose number of fields has been found modest may be given to it.
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

/** The schema describes itself in many small steps; a rule of graphql-js sees to it that they lead nowhere twice. */
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

function fragmentsOf({ definitions }: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  return fragments;
}

/** The cost of a selection: of what is there once, and of what is there for each row of the page it belongs to. */
interface Cost {
  once: number;
  perRow: number;
}

/** Where a connection has its rows. */
const ROWS = new Set(['nodes', 'edges']);

/** Counts fields, those of a page's rows as often as the page has rows. */
class CostMeter {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #costs = new Map<string, Cost>();
  readonly #variables: Readonly<Record<string, unknown>>;
  #defaults: ReadonlyMap<string, number> = new Map();

  constructor(document: DocumentNode, variables: Readonly<Record<string, unknown>>) {
    this.#fragments = fragmentsOf(document);
    this.#variables = variables;
  }

  costOf(operation: OperationDefinitionNode): number {
    this.#defaults = new Map(
      operation.variableDefinitions?.flatMap(({ defaultValue, variable }) =>
        defaultValue?.kind === Kind.INT ? [[variable.name.value, Number(defaultValue.value)] as const] : [],
      ),
    );
    const { once, perRow } = this.#cost(operation.selectionSet);
    return once + perRow;
  }

  #cost({ selections }: SelectionSetNode): Cost {
    const sum: Cost = { once: 0, perRow: 0 };
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        sum.once += 1;
        if (!selection.selectionSet) continue;
        const { once, perRow } = this.#cost(selection.selectionSet);
        if (ROWS.has(selection.name.value)) sum.perRow += once + perRow;
        else sum.once += once + perRow * this.#pageSize(selection);
      } else {
        const { once, perRow } =
          selection.kind === Kind.INLINE_FRAGMENT
            ? this.#cost(selection.selectionSet)
            : this.#fragmentCost(selection.name.value);
        sum.once += once;
        sum.perRow += perRow;
      }
    }
    return sum;
  }

  #fragmentCost(name: string): Cost {
    let cost = this.#costs.get(name);
    if (!cost) {
      cost = this.#cost(this.#fragments.get(name)!.selectionSet);
      this.#costs.set(name, cost);
    }
    return cost;
  }

  /** A size that is not allowed is refused by the field itself. */
  #pageSize({ arguments: args }: FieldNode): number {
    const value = args?.find(({ name }) => name.value === 'first')?.value;
    if (value?.kind === Kind.INT) return Math.min(Number(value.value), MAX_PAGE_SIZE);
    if (value?.kind !== Kind.VARIABLE) return DEFAULT_PAGE_SIZE;
    const name = value.name.value;
    const size = this.#variables[name] === undefined ? this.#defaults.get(name) : this.#variables[name];
    return typeof size === 'number' ? Math.min(size, MAX_PAGE_SIZE) : DEFAULT_PAGE_SIZE;
  }
}
