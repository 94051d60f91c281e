import { p } from '@mikro-orm/core';

/**
 * Columns every table has. A trigger keeps `version` and `updatedAt`, which rise with edits, and `rowVersion`, which rises with
 * every update and orders the states of a row in caches; so writes from any program count.
 */
export const baseProperties = {
  id: p.uuid().primary(),
  createdAt: p.datetime(3).defaultRaw('clock_timestamp()'),
  updatedAt: p.datetime(3).defaultRaw('clock_timestamp()'),
  version: p.integer().default(1),
  rowVersion: p.bigint('number').defaultRaw('1'),
};
