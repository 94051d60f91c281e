import type { PGlite } from '@electric-sql/pglite';
import {
  ANY_ANSWER,
  CHANNEL,
  type ConnectionCheck,
  type NotificationHandlers,
  type NotificationSource,
} from './notification-source.ts';

/**
 * Listens on the embedded database, which runs in this process, so that no connection can be lost.
 * @param channels more channels to listen to, beside that of the announcements
 */
export function createPgliteSource(
  pglite: PGlite,
  channels: readonly string[] = [],
  check: ConnectionCheck = ANY_ANSWER,
): NotificationSource {
  const unlisten: (() => Promise<void>)[] = [];
  let handlers: NotificationHandlers | undefined;
  return {
    start: async (given) => {
      handlers = given;
      for (const channel of [CHANNEL, ...channels]) unlisten.push(await pglite.listen(channel, given.onPayload));
      await check.accept((text, values) => pglite.query(text, values));
      given.onUp();
    },
    // There is no connection to replace, but `onDown` releases writers that wait for a lost announcement.
    restart: (reason) => {
      handlers?.onDown(reason);
      handlers?.onUp();
    },
    notify: async (payload) => void (await pglite.query('select pg_notify($1, $2)', [CHANNEL, payload])),
    close: async () => {
      for (const stop of unlisten.splice(0)) await stop();
    },
  };
}
