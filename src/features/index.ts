// First, because TypeGraphQL's decorators look for it as soon as they are loaded.
import 'reflect-metadata';
import { inOrder, type NamedMigration } from '../database/migrations/index.ts';
import { demoFleetFeature } from './demo-fleet/index.ts';
import type { Feature } from './feature.ts';
import { managerFeature } from './manager/index.ts';
import { performanceFeature } from './performance/index.ts';
import { workstationFeature } from './workstation/index.ts';

export type { Feature, FeatureParts } from './feature.ts';

/** Everything the product does. A feature comes behind those whose tables its own refer to. */
export const features: readonly Feature[] = [managerFeature, workstationFeature, performanceFeature, demoFleetFeature];

export const collections = features.flatMap(({ collections = [] }) => collections);
export const entities = collections.map(({ entity }) => entity);
export const migrations: readonly NamedMigration[] = inOrder(features.flatMap(({ migrations = [] }) => migrations));
