import { changesOf } from '../../graphql/changes/change-subscription.ts';
import type { Feature } from '../feature.ts';
import { WorkstationBulkResolver } from './workstation.bulk.ts';
import { workstations } from './workstation.entity.ts';
import { WorkstationFilter } from './workstation.filter.ts';
import { workstationMigrations } from './workstation.migrations.ts';
import { Presence } from './workstation.presence.ts';
import { ManagerWorkstationsResolver, WorkstationResolver } from './workstation.resolver.ts';
import { FleetSummaryResolver } from './workstation.summary.ts';
import { Workstation } from './workstation.type.ts';

const changes = changesOf({
  collection: workstations,
  type: Workstation,
  filter: WorkstationFilter,
  words: {
    one: 'a workstation',
    many: 'workstations',
    created: 'It was added to the fleet.',
    updated: 'It was edited, or reported telemetry.',
    deleted: 'It was removed from the fleet.',
  },
});

/** The machines of the fleet: what they are, what they report, and their changes as they happen. */
export const workstationFeature: Feature = {
  collections: [workstations],
  migrations: workstationMigrations,
  resolvers: [
    WorkstationResolver,
    WorkstationBulkResolver,
    ManagerWorkstationsResolver,
    FleetSummaryResolver,
    ...changes.resolvers,
  ],
  start({ database, onError }, { offlineAfterSeconds }) {
    if (offlineAfterSeconds === undefined) return () => {};
    const presence = new Presence({ database, offlineAfterSeconds, onError });
    presence.start();
    return () => presence.stop();
  },
  streams: changes.streams,
};

export { WorkstationEntity, type WorkstationRecord, workstations } from './workstation.entity.ts';
export { checkHostname, checkIpAddress, type TelemetryReading } from './workstation.inputs.ts';
export { TelemetryWindows } from './workstation.telemetry.ts';
export { Workstation } from './workstation.type.ts';
