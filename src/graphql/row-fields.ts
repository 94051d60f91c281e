import { type GraphQLFieldResolver, GraphQLObjectType, type GraphQLSchema } from 'graphql';
import { getMetadataStorage } from 'type-graphql';
import type { Role } from '../auth/identity.ts';
import { requireRole } from './auth-checker.ts';
import type { Context } from './context.ts';

type Resolve = GraphQLFieldResolver<unknown, Context>;

type Method = (this: object, ...parameters: unknown[]) => unknown;

/**
 * Calls field resolvers directly if they take only their row and the context, after checking their roles. For each row,
 * TypeGraphQL would sort their parameters, look for promises among them and look up their instance, which is more work than
 * most of these resolvers do.
 * @param instances of the resolver classes
 */
export function callRowFieldsDirectly(schema: GraphQLSchema, instances: ReadonlyMap<unknown, object>): void {
  const { fieldResolvers, objectTypes } = getMetadataStorage();
  for (const {
    getObjectType,
    kind,
    methodName,
    middlewares,
    params = [],
    roles,
    schemaName,
    target,
  } of fieldResolvers) {
    const instance = instances.get(target);
    const isPlain = params.every((parameter) => isWholeRootOrContext(parameter));
    if (kind !== 'external' || !instance || !isPlain || middlewares?.length) continue;
    const typeName = objectTypes.find((type) => type.target === getObjectType?.())?.name;
    const type = typeName === undefined ? undefined : schema.getType(typeName);
    if (!(type instanceof GraphQLObjectType)) continue;
    const takesRoot = [...params].sort((a, b) => a.index - b.index).map((parameter) => parameter.kind === 'root');
    const method = (instance as Record<string, Method>)[methodName]!;
    const resolve = directly(method, instance, takesRoot);
    type.getFields()[schemaName]!.resolve = roles ? forRoles(roles as readonly Role[], resolve) : resolve;
  }
}

function isWholeRootOrContext(parameter: { readonly kind: string; readonly propertyName?: string | undefined }) {
  return (parameter.kind === 'root' || parameter.kind === 'context') && parameter.propertyName === undefined;
}

function directly(method: Method, instance: object, takesRoot: readonly boolean[]): Resolve {
  const [first, second] = takesRoot;
  return (root, _args, context) => method.call(instance, first ? root : context, second ? root : context);
}

function forRoles(roles: readonly Role[], resolve: Resolve): Resolve {
  return (root, args, context, info) => {
    requireRole(context, roles);
    return resolve(root, args, context, info);
  };
}
