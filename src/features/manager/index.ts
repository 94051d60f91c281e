import type { Feature } from '../feature.ts';
import { managers } from './manager.entity.ts';
import { ManagerResolver } from './manager.resolver.ts';

export { ManagerEntity, type ManagerRecord, managers } from './manager.entity.ts';
export { Manager } from './manager.type.ts';

/** The people who look after workstations. Their table was made together with that of the workstations. */
export const managerFeature: Feature = { collections: [managers], resolvers: [ManagerResolver] };
