import { changesOf } from '../../graphql/changes/change-subscription.ts';
import type { Feature } from '../feature.ts';
import { managers } from './manager.entity.ts';
import { managerMigrations } from './manager.migrations.ts';
import { ManagerResolver } from './manager.resolver.ts';
import { Manager } from './manager.type.ts';

export { ManagerEntity, type ManagerRecord, managers } from './manager.entity.ts';
export { Manager } from './manager.type.ts';

const changes = changesOf({ collection: managers, type: Manager, words: { one: 'a manager', many: 'managers' } });

/** The people who look after workstations. Their table was made together with that of the workstations. */
export const managerFeature: Feature = {
  collections: [managers],
  migrations: managerMigrations,
  resolvers: [ManagerResolver, ...changes.resolvers],
  streams: changes.streams,
};
