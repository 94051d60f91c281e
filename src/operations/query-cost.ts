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
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../graphql/page-size.ts';
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
        if (!selection.selectionSet) continue;
        const { once, perRow } = this.#cost(selection.selectionSet);
        const ids = argumentOf(selection, 'ids');
        if (selection.name.value === 'nodes' && ids) sum.once += (once + perRow) * this.#lengthOf(ids);
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

  /** A size that is not allowed is refused by its field. */
  #pageSize(field: FieldNode): number {
    const value = argumentOf(field, 'first');
    if (value?.kind === Kind.INT) return Math.min(Number(value.value), MAX_PAGE_SIZE);
    return (value?.kind === Kind.VARIABLE ? this.#sizeIn(value) : null) ?? DEFAULT_PAGE_SIZE;
  }

  /** Of a list; a single value stands for a list of one. */
  #lengthOf(value: ValueNode): number {
    if (value.kind === Kind.LIST) return Math.min(value.values.length, MAX_PAGE_SIZE);
    return (value.kind === Kind.VARIABLE ? this.#sizeIn(value) : null) ?? 1;
  }

  /** `null`: the variable has no size. */
  #sizeIn({ name: { value: name } }: VariableNode): number | null {
    this.sizeVariables.add(name);
    const given = this.#variables[name];
    const size = given === undefined ? this.#document.defaults.get(name) : sizeOf(given);
    return size == null ? null : Math.min(size, MAX_PAGE_SIZE);
  }
}

function argumentOf({ arguments: args }: FieldNode, name: string): ValueNode | undefined {
  return args?.find((argument) => argument.name.value === name)?.value;
}
