import { randomUUID } from 'node:crypto';
import type { Database } from '../database/database.ts';
import type { EchoOptions } from './echoes.ts';

/** Runs a statement on the connection that listens. */
export type RunOnListener = (text: string, values: readonly unknown[]) => Promise<unknown>;

/** A channel of its own for each instance, so that the others need not read its echoes. */
export function createEchoChannel(): string {
  return `stationmaster_echo_${randomUUID().replaceAll('-', '')}`;
}

const ECHO = `select pg_notify($1, json_build_object('echo', $2::text, 'snapshot', pg_current_snapshot()::text)::text)`;

/**
 * Sends echoes as writers announce their changes: over one of the connections that writes use. While all of those are busy,
 * with statements that wait for locks for instance, the connection that listens sends them itself.
 */
export function createEchoPath(database: Database, channel: string, runOnListener: RunOnListener): EchoOptions {
  return {
    isRepeated: true,
    async send(id) {
      const values = [channel, id];
      if (await database.runIfWriterIsFree('feed-echo', ECHO, values)) return;
      await runOnListener(ECHO, values);
    },
  };
}

/** The first echo shows that the embedded database notifies; it runs in this process, and nothing could come between. */
export function createEmbeddedEchoPath(channel: string, run: RunOnListener): EchoOptions {
  return { isRepeated: false, send: async (id) => void (await run(ECHO, [channel, id])) };
}
