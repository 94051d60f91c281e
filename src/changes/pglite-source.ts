import type { PGlite } from '@electric-sql/pglite';
import { CHANNEL, type NotificationHandlers, type NotificationSource } from './notification-source.ts';

/** Listens on the embedded database. It runs in this process, so there is no connection to lose. */
export function createPgliteSource(pglite: PGlite): NotificationSource {
  let unlisten: (() => Promise<void>) | undefined;
  let handlers: NotificationHandlers | undefined;
  return {
    start: async (given) => {
      handlers = given;
      unlisten = await pglite.listen(CHANNEL, given.onPayload);
      given.onUp();
    },
    // There is nothing to connect anew, but those who wait for what was missed must not wait for ever.
    restart: (reason) => {
      handlers?.onDown(reason);
      handlers?.onUp();
    },
    notify: async (payload) => void (await pglite.query('select pg_notify($1, $2)', [CHANNEL, payload])),
    close: async () => unlisten?.(),
  };
}
