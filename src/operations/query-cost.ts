import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
  type VariableNode,
} from 'graphql';
import { DEFAULT_PAGE_SIZE, LISTS, type ListLength, MAX_PAGE_SIZE } from '../graphql/page-size.ts';
import { fragmentsOf } from './fragments.ts';

/** The cost of one operation, by its variables as the client sent them. */
export type CostFunction = (variables: Readonly<Record<string, unknown>>) => number;

/** What a calculation reads of a valid document. */
interface QueryDocument {
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** The sizes that variables default to. */
  readonly defaults: ReadonlyMap<string, number>;
}

/** The cost of an operation of a valid document. It is calculated once per combination of page sizes in a row. */
export function createCostFunction(document: DocumentNode, operation: OperationDefinitionNode): CostFunction {
  const query: QueryDocument = { fragments: fragmentsOf(document), defaults: defaultsOf(operation) };
  const first = new CostMeter(query, {});
  let cost = first.costOf(operation);
  const names = [...first.sizeVariables];
  if (names.length === 0) return () => cost;
  let sizes: unknown[] = names.map(() => undefined);
  return (variables) => {
    if (names.some((name, index) => sizeOf(variables[name]) !== sizes[index])) {
      cost = new CostMeter(query, variables).costOf(operation);
      sizes = names.map((name) => sizeOf(variables[name]));
    }
    return cost;
  };
}

/** What is remembered of a variable: nothing that a client could make large. */
function sizeOf(value: unknown): number | null | undefined {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'number' || value === undefined ? value : null;
}

function defaultsOf({ variableDefinitions = [] }: OperationDefinitionNode): ReadonlyMap<string, number> {
  return new Map(
    variableDefinitions.flatMap(({ defaultValue, variable: { name } }) => {
      if (defaultValue?.kind === Kind.INT) return [[name.value, Number(defaultValue.value)] as const];
      return defaultValue?.kind === Kind.LIST ? [[name.value, defaultValue.values.length] as const] : [];
    }),
  );
}

/** The cost of a selection: of what is there once, and of what is there for each row of the page around it. */
interface Cost {
  once: number;
  perRow: number;
}

/** The fields that hold the rows of a connection. */
const ROWS = new Set(['nodes', 'edges']);
/** A field without fields below it. */
const LEAF: Cost = { once: 0, perRow: 0 };
const LIST_LENGTHS: ReadonlyMap<string, ListLength> = new Map(Object.entries(LISTS));

/** Counts fields, those of a page's rows as often as the page has rows. Serves one calculation. */
class CostMeter {
  /** The variables that decide the size of a page. */
  readonly sizeVariables = new Set<string>();
  readonly #document: QueryDocument;
  readonly #costs = new Map<string, Cost>();
  readonly #variables: Readonly<Record<string, unknown>>;

  constructor(document: QueryDocument, variables: Readonly<Record<string, unknown>>) {
    this.#document = document;
    this.#variables = variables;
  }

  costOf({ selectionSet }: OperationDefinitionNode): number {
    const { once, perRow } = this.#cost(selectionSet);
    return once + perRow;
  }

  #cost({ selections }: SelectionSetNode): Cost {
    const sum: Cost = { once: 0, perRow: 0 };
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        sum.once += 1;
        const { once, perRow } = selection.selectionSet ? this.#cost(selection.selectionSet) : LEAF;
        const length = this.#listLength(selection);
        // A value of a list of texts counts as much as a field.
        if (length !== null) sum.once += (selection.selectionSet ? once + perRow : 1) * length;
        else if (ROWS.has(selection.name.value)) sum.perRow += once + perRow;
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
      cost = this.#cost(this.#document.fragments.get(name)!.selectionSet);
      this.#costs.set(name, cost);
    }
    return cost;
  }

  /** Of a field that is a list itself, without pages; `null`: it is none. */
  #listLength(field: FieldNode): number | null {
    const ids = argumentOf(field, 'ids');
    if (field.name.value === 'nodes' && ids) return this.#lengthOf(ids);
    const list = LIST_LENGTHS.get(field.name.value);
    if (!list) return null;
    return (this.#sizeOf(argumentOf(field, list.argument)) ?? list.usual) * list.valuesEach;
  }

  /** A size that is not allowed is refused by its field, and so are two. */
  #pageSize(field: FieldNode): number {
    const first = this.#sizeOf(argumentOf(field, 'first'));
    const last = this.#sizeOf(argumentOf(field, 'last'));
    return first ?? last ?? DEFAULT_PAGE_SIZE;
  }

  #sizeOf(value: ValueNode | undefined): number | null {
    if (value?.kind === Kind.INT) return bounded(Number(value.value));
    return value?.kind === Kind.VARIABLE ? this.#sizeIn(value) : null;
  }

  /** Of a list; a single value stands for a list of one. */
  #lengthOf(value: ValueNode): number {
    if (value.kind === Kind.LIST) return bounded(value.values.length);
    return (value.kind === Kind.VARIABLE ? this.#sizeIn(value) : null) ?? 1;
  }

  /** `null`: the variable has no size. */
  #sizeIn({ name: { value: name } }: VariableNode): number | null {
    this.sizeVariables.add(name);
    const given = this.#variables[name];
    const size = given === undefined ? this.#document.defaults.get(name) : sizeOf(given);
    return size == null ? null : bounded(size);
  }
}

/** Not less than nothing: a size below it would make up for the cost of other fields. */
function bounded(size: number): number {
  return Math.max(0, Math.min(size, MAX_PAGE_SIZE));
}

function argumentOf({ arguments: args }: FieldNode, name: string): ValueNode | undefined {
  return args?.find((argument) => argument.name.value === name)?.value;
}
