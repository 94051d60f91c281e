import { systemTimers } from '../../timers.ts';
import type { Feature } from '../feature.ts';
import { TelemetryWindows } from '../workstation/index.ts';
import { demoFleet } from './demo-fleet.ts';
import { DemoLife } from './demo-life.ts';
import { findExisting, isFleetEmpty, seedFleet } from './seed.ts';

export { seedFleet } from './seed.ts';

const SIZE = { managers: 100, workstations: 1000 };

/** A believable fleet, put into an empty database where the configuration says so, that also reports where it is to live. */
export const demoFleetFeature: Feature = {
  async prepare(database, config) {
    if (config.demoFleet !== 'off' && (await isFleetEmpty(database))) await seedFleet(database, SIZE);
  },
  start({ database, onError, writer }, config) {
    if (config.demoFleet !== 'live') return () => {};
    const telemetry = new TelemetryWindows(writer);
    const life = new DemoLife({
      workstations: demoFleet(SIZE).workstations,
      findExisting: (ids) => findExisting(database, ids),
      report: (readings) => telemetry.report(readings),
      timers: systemTimers,
      onError,
    });
    life.start();
    return () => life.stop();
  },
};
