import { randomUUID } from 'node:crypto';
import { announceSql } from '../database/announce-sql.ts';
import type { Database } from '../database/database.ts';
import { FACTS_DIGEST } from '../database/lineage.ts';
import type { EchoOptions } from './echoes.ts';

export interface EchoPath {
  /** The channel of the echoes. */
  readonly channel: string;
  /** The tables of which the facts tell. */
  readonly tables: readonly string[];
  /** Runs a statement on the connection that listens. */
  readonly run: (text: string, values: unknown[]) => Promise<unknown>;
}

/** A channel of its own for each instance, so that the others need not read its echoes. */
export function createEchoChannel(): string {
  return `stationmaster_echo_${randomUUID().replaceAll('-', '')}`;
}

const PAYLOAD = `json_build_object('echo', $3::text, 'snapshot', pg_current_snapshot()::text,
  'at', extract(epoch from clock_timestamp()) * 1000,
  'facts', ${FACTS_DIGEST})::text`;

/**
 * Sends echoes as writers announce their changes: over one of the connections that writes use. While all of those are busy,
 * with statements that wait for locks for instance, the connection that listens sends them itself.
 */
export function createEchoPath(database: Database, { channel, tables, run }: EchoPath): EchoOptions {
  const echo = `select ${announceSql(database, '$2', PAYLOAD)}`;
  return {
    isRepeated: true,
    async send(id) {
      const values = [tables, channel, id];
      if (!(await database.runIfWriterIsFree('feed-echo', echo, values))) await run(echo, values);
    },
  };
}

/** The first echo shows that the embedded database notifies; it runs in this process, and nothing could come between. */
export function createEmbeddedEchoPath({ channel, tables, run }: EchoPath): EchoOptions {
  const echo = `select pg_notify($2, ${PAYLOAD})`;
  return { isRepeated: false, send: async (id) => void (await run(echo, [tables, channel, id])) };
}
