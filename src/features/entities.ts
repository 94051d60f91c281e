import { ManagerEntity } from './manager/manager.entity.ts';
import { WorkstationEntity } from './workstation/workstation.entity.ts';

export const entities = [ManagerEntity, WorkstationEntity];
