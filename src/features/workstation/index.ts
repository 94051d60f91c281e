import type { Feature } from '../feature.ts';
import { WorkstationBulkResolver } from './workstation.bulk.ts';
import { workstations } from './workstation.entity.ts';
import { workstationMigrations } from './workstation.migrations.ts';
import { Presence } from './workstation.presence.ts';
import { ManagerWorkstationsResolver, WorkstationChangeResolver, WorkstationResolver } from './workstation.resolver.ts';
import { streamWorkstationChanges, WORKSTATION_CHANGED } from './workstation.stream.ts';

/** The machines of the fleet: what they are, what they report, and their changes as they happen. */
export const workstationFeature: Feature = {
  collections: [workstations],
  migrations: workstationMigrations,
  resolvers: [WorkstationResolver, WorkstationBulkResolver, ManagerWorkstationsResolver, WorkstationChangeResolver],
  start({ database, onError }, { offlineAfterSeconds }) {
    if (offlineAfterSeconds === undefined) return () => {};
    const presence = new Presence({ database, offlineAfterSeconds, onError });
    presence.start();
    return () => presence.stop();
  },
  streams: { [WORKSTATION_CHANGED]: ({ feed }, ids) => streamWorkstationChanges(feed, ids as string[] | null) },
};

export { WorkstationEntity, type WorkstationRecord, workstations } from './workstation.entity.ts';
export { checkHostname, checkIpAddress, type TelemetryReading } from './workstation.inputs.ts';
export { TelemetryWindows } from './workstation.telemetry.ts';
export { Workstation } from './workstation.type.ts';
