export { workstationAnnouncement } from './workstation.cache.ts';
export { WorkstationFilter } from './workstation.inputs.ts';
export {
  type ManagersOfPage,
  type ManagersOfRows,
  type WorkstationSource,
  workstationLoaders,
} from './workstation.loader.ts';
export { findWorkstations } from './workstation.queries.ts';
export { readWorkstationList, type WorkstationListPage } from './workstation.reads.ts';
export { readWorkstation, WORKSTATION_COLUMNS, type WorkstationRecord } from './workstation.record.ts';
export {
  WorkstationChangeResolver,
  WorkstationConnectionResolver,
  WorkstationResolver,
} from './workstation.resolver.ts';
export { WorkstationService } from './workstation.service.ts';
export { streamWorkstationChanges, WORKSTATION_CHANGED } from './workstation.stream.ts';
export { Workstation, WorkstationConnection } from './workstation.type.ts';
