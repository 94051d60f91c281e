import type { PGlite } from '@electric-sql/pglite';
import { CHANNEL, type NotificationHandlers, type NotificationSource } from './notification-source.ts';

/** Listens on the embedded database, which runs in this process, so that no connection can be lost. */
export function createPgliteSource(pglite: PGlite): NotificationSource {
  let unlisten: (() => Promise<void>) | undefined;
  let handlers: NotificationHandlers | undefined;
  return {
    start: async (given) => {
      handlers = given;
      unlisten = await pglite.listen(CHANNEL, given.onPayload);
      given.onUp();
    },
    // There is no connection to replace, but `onDown` releases writers that wait for a lost announcement.
    restart: (reason) => {
      handlers?.onDown(reason);
      handlers?.onUp();
    },
    notify: async (payload) => void (await pglite.query('select pg_notify($1, $2)', [CHANNEL, payload])),
    close: async () => unlisten?.(),
  };
}
