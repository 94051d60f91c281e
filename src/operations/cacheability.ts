import type { ApolloServerPlugin } from '@apollo/server';
import {
  type DocumentNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
} from 'graphql';
import type { Context } from '../graphql/context.ts';

/**
 * What a root field's `extensions` say when all it and the fields below it show was read through the cache with the
 * context's `reads`, or follows from the arguments alone.
 */
export const CACHEABLE = { cacheable: true } as const;

/** Says of a query whether all its root fields are cache-backed. */
export type CacheabilityCheck = (operation: OperationDefinitionNode, document: DocumentNode) => boolean;

export function createCacheabilityCheck(schema: GraphQLSchema): CacheabilityCheck {
  const known = new WeakMap<OperationDefinitionNode, boolean>();
  return (operation, document) => {
    let isCacheable = known.get(operation);
    if (isCacheable === undefined) {
      isCacheable = isQueryOfCacheableFields(schema, operation, document);
      known.set(operation, isCacheable);
    }
    return isCacheable;
  };
}

/** Notes that the answer, which has no errors, may be given again: to a query whose root fields are all cache-backed. */
export function noteIfCacheable({ answer }: Context, isCacheable: boolean, operationName: string | null): void {
  if (!isCacheable) return;
  answer.isCacheable = true;
  answer.operationName = operationName;
}

/** The same for Apollo Server. */
export function noteCacheableAnswers(isCacheable: CacheabilityCheck): ApolloServerPlugin<Context> {
  return {
    async requestDidStart() {
      return {
        async willSendResponse({ contextValue, document, operation, operationName, response }) {
          if (!operation || !document || response.body.kind !== 'single') return;
          if (response.body.singleResult.errors) return;
          noteIfCacheable(contextValue, isCacheable(operation, document), operationName ?? null);
        },
      };
    },
  };
}

function isQueryOfCacheableFields(
  schema: GraphQLSchema,
  { operation, selectionSet }: OperationDefinitionNode,
  document: DocumentNode,
): boolean {
  if (operation !== OperationTypeNode.QUERY) return false;
  const fields = schema.getQueryType()!.getFields();
  return rootFieldNames(selectionSet, document).every(
    (name) => name === '__typename' || fields[name]?.extensions.cacheable === true,
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
