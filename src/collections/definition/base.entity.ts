import { p } from '@mikro-orm/core';

/**
 * Columns every table has. `version` and `updatedAt` are kept by a trigger, so that writes from any program count; the
 * application never sets them.
 */
export const baseProperties = {
  id: p.uuid().primary(),
  createdAt: p.datetime(3).defaultRaw('clock_timestamp()'),
  updatedAt: p.datetime(3).defaultRaw('clock_timestamp()'),
  version: p.integer().default(1),
};
