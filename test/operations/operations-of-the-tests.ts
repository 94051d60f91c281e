import { globSync, readFileSync } from 'node:fs';
import { parseSync } from '@swc/core';
import { type DocumentNode, type GraphQLSchema, Kind, type OperationDefinitionNode, parse, validate } from 'graphql';

export interface FoundQuery {
  readonly text: string;
  readonly operation: OperationDefinitionNode;
}

/** Every query in a text of the tests' own sources that is valid and whole: without parts put in at run time. */
export function findQueries(schema: GraphQLSchema): FoundQuery[] {
  const texts = new Set(globSync('test/**/*.ts').flatMap((file) => textsIn(readFileSync(file, 'utf8'))));
  return [...texts].flatMap((text) => {
    const document = parseIfPossible(text);
    const operations = document?.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION) ?? [];
    const [operation] = operations as OperationDefinitionNode[];
    if (operations.length !== 1 || operation!.operation !== 'query') return [];
    return validate(schema, document!).length === 0 ? [{ text, operation: operation! }] : [];
  });
}

function textsIn(source: string): string[] {
  const texts: string[] = [];
  // swc calls the parts of a template quasis; one alone is a text.
  JSON.stringify(parseSync(source, { syntax: 'typescript', decorators: true }), (_name, node) => {
    if (node?.type === 'StringLiteral') texts.push(node.value);
    if (node?.type === 'TemplateLiteral' && node.quasis.length === 1) texts.push(node.quasis[0].cooked);
    return node;
  });
  return texts;
}

function parseIfPossible(text: string): DocumentNode | null {
  if (!text.includes('{')) return null;
  try {
    return parse(text);
  } catch {
    return null;
  }
}
