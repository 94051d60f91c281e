import { defineEntity, p } from '@mikro-orm/core';
import { baseProperties, contains, defineCollection, oneOf, type RecordOf } from '../../collections/index.ts';

/** How a manager is stored. Clients are shown `Manager`. */
export const ManagerEntity = defineEntity({
  name: 'Manager',
  tableName: 'manager',
  properties: {
    ...baseProperties,
    name: p.text(),
    email: p.text().unique('manager_email_unique'),
  },
  indexes: [
    { name: 'manager_created_at_id', properties: ['createdAt', 'id'] },
    { name: 'manager_name_id', properties: ['name', 'id'] },
  ],
});

export const managers = defineCollection({
  entity: ManagerEntity,
  key: 'managers',
  orders: { NAME: 'name', EMAIL: 'email', CREATED_AT: 'createdAt' },
  defaultOrder: ['CREATED_AT', 'DESC'],
  filters: { ids: oneOf('id'), nameContains: contains('name'), emailContains: contains('email') },
  interned: ['id'],
  labels: { email: 'email address' },
});

export type ManagerRecord = RecordOf<typeof ManagerEntity>;
