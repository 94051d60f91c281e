import { defineEntity, p } from '@mikro-orm/core';
import { baseProperties } from '../../collections/index.ts';

/** A token with which agents enroll. Clients are shown `AgentEnrollment`. */
export const EnrollmentEntity = defineEntity({
  name: 'AgentEnrollment',
  tableName: 'agent_enrollment',
  properties: {
    ...baseProperties,
    label: p.text(),
    tokenHash: p.text().unique('agent_enrollment_token_hash_unique'),
    maxUses: p.integer(),
    uses: p.integer().default(0),
    expiresAt: p.datetime(3),
    revokedAt: p.datetime(3).nullable(),
  },
});

/** The key of one workstation's agent. It ends when its row is deleted or has another hash. */
export const KeyEntity = defineEntity({
  name: 'AgentKey',
  tableName: 'agent_key',
  properties: {
    ...baseProperties,
    // No reference: it would forbid to truncate the workstations. A trigger ends the keys of those that are removed.
    workstationId: p.uuid().unique('agent_key_workstation_id_unique'),
    keyHash: p.text().unique('agent_key_key_hash_unique'),
    // With which token the machine got the key; null when that token's row is gone.
    enrollment: () => p.manyToOne(EnrollmentEntity).nullable().deleteRule('set null'),
  },
});
