import type { Feature } from '../feature.ts';
import { isFleetEmpty, seedFleet } from './seed.ts';

export { seedFleet } from './seed.ts';

const SIZE = { managers: 100, workstations: 1000 };

/** A believable fleet, put into an empty database where the configuration says so. */
export const demoFleetFeature: Feature = {
  async prepare(database, { demoFleet }) {
    if (demoFleet && (await isFleetEmpty(database))) await seedFleet(database, SIZE);
  },
};
