import type { Feature } from '../feature.ts';
import { NodeResolver } from './node.resolver.ts';

/** Reads rows of any type by their ids, as Relay does to read one of them again. */
export const nodeFeature: Feature = { resolvers: [NodeResolver] };
