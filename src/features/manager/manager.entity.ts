import { defineEntity, p } from '@mikro-orm/core';
import { baseProperties, defineCollection, type RecordOf } from '../../collections/index.ts';

/** How a manager is stored. Clients are shown `Manager`. */
export const ManagerEntity = defineEntity({
  name: 'Manager',
  tableName: 'manager',
  properties: {
    ...baseProperties,
    name: p.text(),
    email: p.text().unique('manager_email_unique'),
  },
  indexes: [{ name: 'manager_created_at_id', properties: ['createdAt', 'id'] }],
});

export const managers = defineCollection({
  entity: ManagerEntity,
  key: 'managers',
  orders: { CREATED_AT: 'createdAt' },
  defaultOrder: ['CREATED_AT', 'DESC'],
  interned: ['id'],
  labels: { email: 'email address' },
});

export type ManagerRecord = RecordOf<typeof ManagerEntity>;
