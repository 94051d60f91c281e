export { managerAnnouncement } from './manager.cache.ts';
export { findManagers, type ManagerSource, ManagersAlong, managerLoader, readManagerPage } from './manager.loader.ts';
export { MANAGER_COLUMNS, readManager } from './manager.record.ts';
export { ManagerConnectionResolver, ManagerResolver, WorkstationManagerResolver } from './manager.resolver.ts';
export { ManagerService } from './manager.service.ts';
