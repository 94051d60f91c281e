import { createMemoryTier, type SharedRecords } from './memory-tier.ts';
import { describeSecondTierContract } from './second-tier-contract.ts';

describeSecondTierContract('memory', () => {
  const shared: SharedRecords = new Map();
  return { create: () => createMemoryTier(shared), untilUp: async () => {}, untilWritten: async () => {} };
});
