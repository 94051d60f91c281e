import type { DocumentNode, OperationDefinitionNode } from 'graphql';

/** Whether an operation has more than one answer: a subscription, or a live query. */
export function isStreamed({ definitions }: DocumentNode, operationName?: string): boolean {
  const operation = definitions.find(
    (definition): definition is OperationDefinitionNode =>
      definition.kind === 'OperationDefinition' &&
      (operationName === undefined || definition.name?.value === operationName),
  );
  if (!operation) return false;
  return operation.operation === 'subscription' || !!operation.directives?.some(({ name }) => name.value === 'live');
}
