import { parser } from '@prometheus-io/lezer-promql';

/** A metric that an expression reads, and the labels that it expects of it. */
export interface Selection {
  readonly metric: string;
  /** The values that the matchers name, by label; of regular expressions the alternatives. */
  readonly matchers: ReadonlyMap<string, readonly string[]>;
}

export interface ParsedExpression {
  readonly selections: readonly Selection[];
  /** The labels in `by (…)` and `on (…)`. */
  readonly groupedBy: readonly string[];
}

/** Parses an expression with the grammar of Prometheus. @throws when it is not PromQL */
export function parsePromql(expression: string): ParsedExpression {
  const selections: { metric: string; matchers: Map<string, string[]> }[] = [];
  const groupedBy: string[] = [];
  const textOf = ({ from, to }: { from: number; to: number }) => expression.slice(from, to);
  const tree = parser.parse(expression);
  tree.iterate({
    enter({ type, from }) {
      if (type.isError) throw new Error(`${expression}\n${' '.repeat(from)}^ is no PromQL`);
    },
  });
  tree.iterate({
    enter({ type, node }) {
      if (type.name === 'VectorSelector') {
        const name = node.getChild('Identifier');
        if (!name) throw new Error(`${textOf(node)} names no metric.`);
        selections.push({ metric: textOf(name), matchers: new Map() });
      }
      if (type.name === 'UnquotedLabelMatcher') {
        const label = textOf(node.getChild('LabelName')!);
        const value = textOf(node.getChild('StringLiteral')!).slice(1, -1);
        selections.at(-1)!.matchers.set(label, value.split('|'));
      }
      if (type.name === 'GroupingLabels') {
        for (const label of node.getChildren('LabelName')) groupedBy.push(textOf(label));
      }
    },
  });
  return { selections, groupedBy };
}
