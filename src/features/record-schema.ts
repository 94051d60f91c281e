import { createHash } from 'node:crypto';
import { MANAGER_COLUMNS, readManager } from './manager/index.ts';
import { readWorkstation, WORKSTATION_COLUMNS } from './workstation/index.ts';

/** Another text whenever records have other fields, or take them from other columns. */
export const RECORD_SCHEMA = createHash('sha256')
  .update([MANAGER_COLUMNS, readManager, WORKSTATION_COLUMNS, readWorkstation].join('\n'))
  .digest('base64url')
  .slice(0, 8);
