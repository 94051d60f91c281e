// First, because TypeGraphQL's decorators look for it as soon as they are loaded.
import 'reflect-metadata';
import { inOrder, type NamedMigration } from '../database/migrations/index.ts';
import * as all from './all.ts';
import type { Feature } from './feature.ts';

export type { Feature, FeatureParts } from './feature.ts';

/** Everything the product does. The order means nothing: the dates of the migrations order them. */
export const features: readonly Feature[] = Object.values(all);

export const collections = features.flatMap(({ collections = [] }) => collections);
export const entities = [
  ...collections.map(({ entity }) => entity),
  ...features.flatMap(({ entities = [] }) => entities),
];
export const migrations: readonly NamedMigration[] = inOrder(features.flatMap(({ migrations = [] }) => migrations));
