import type { Database } from './database.ts';

/**
 * SQL that sends a payload to every instance when its transaction commits. `channel` and `payload` are expressions. Sending by
 * NOTIFY makes commits wait for each other, so it is left to instances that are notified.
 */
export function announceSql({ changeFeed }: Pick<Database, 'changeFeed'>, channel: string, payload: string): string {
  if (changeFeed === 'notify') return `pg_notify(${channel}, ${payload})`;
  return `pg_logical_emit_message(true, ${channel}, ${payload})`;
}
