// The features, one line each. A new feature needs no other entry anywhere.
export { agentsFeature } from './agents/index.ts';
export { cacheFeature } from './cache/index.ts';
export { demoFleetFeature } from './demo-fleet/index.ts';
export { managerFeature } from './manager/index.ts';
export { nodeFeature } from './node/index.ts';
export { performanceFeature } from './performance/index.ts';
export { workstationFeature } from './workstation/index.ts';
