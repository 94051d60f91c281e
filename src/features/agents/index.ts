import type { Feature } from '../feature.ts';
import { EnrollmentEntity, KeyEntity } from './agents.entities.ts';
import { agentsMigrations } from './agents.migrations.ts';
import { AgentsResolver } from './agents.resolver.ts';
import { FollowedKeys } from './followed-keys.ts';

/** The programs that report machines: how they enroll, and the keys they report with. */
export const agentsFeature: Feature = {
  entities: [EnrollmentEntity, KeyEntity],
  migrations: agentsMigrations,
  resolvers: [AgentsResolver],
  openAgentKeys: (parts) => new FollowedKeys(parts),
};
