import type { ApolloServerPlugin } from '@apollo/server';
import {
  type DocumentNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
} from 'graphql';
import type { Context } from './context.ts';

/**
 * What a root field's `extensions` say when all it and the fields below it show was read through the cache with the
 * context's `reads`, or follows from the arguments alone.
 */
export const CACHE_BACKED = { cacheBacked: true } as const;

/** Notes in the context whether the answer may be given again: to a query without errors, all of whose root fields are cache-backed. */
export function noteReusableAnswers(schema: GraphQLSchema): ApolloServerPlugin<Context> {
  const known = new WeakMap<OperationDefinitionNode, boolean>();
  const isCacheBacked = (operation: OperationDefinitionNode, document: DocumentNode) => {
    let answer = known.get(operation);
    if (answer === undefined) {
      answer = isQueryOfCacheBackedFields(schema, operation, document);
      known.set(operation, answer);
    }
    return answer;
  };
  return {
    async requestDidStart() {
      return {
        async willSendResponse({ contextValue, document, operation, operationName, response }) {
          if (!operation || !document || response.body.kind !== 'single') return;
          if (response.body.singleResult.errors || !isCacheBacked(operation, document)) return;
          contextValue.answer.isReusable = true;
          contextValue.answer.operationName = operationName ?? null;
        },
      };
    },
  };
}

function isQueryOfCacheBackedFields(
  schema: GraphQLSchema,
  { operation, selectionSet }: OperationDefinitionNode,
  document: DocumentNode,
): boolean {
  if (operation !== OperationTypeNode.QUERY) return false;
  const fields = schema.getQueryType()!.getFields();
  return rootFieldNames(selectionSet, document).every(
    (name) => name === '__typename' || fields[name]?.extensions.cacheBacked === true,
  );
}

function rootFieldNames({ selections }: SelectionSetNode, document: DocumentNode): string[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection.name.value];
    if (selection.kind === Kind.INLINE_FRAGMENT) return rootFieldNames(selection.selectionSet, document);
    const fragment = document.definitions.find(
      (definition) => definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === selection.name.value,
    );
    return fragment?.kind === Kind.FRAGMENT_DEFINITION ? rootFieldNames(fragment.selectionSet, document) : [];
  });
}
