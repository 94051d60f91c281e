import { defineEntity, p } from '@mikro-orm/core';
import { baseProperties } from '../../collections/base.entity.ts';

/** How a manager is stored. Never leaves the service. */
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
