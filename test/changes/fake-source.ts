import type { NotificationSource } from '../../src/changes/index.ts';

type Handlers = Parameters<NotificationSource['start']>[0];

/** Creates a source that reports what the test tells it to, and records its calls. */
export function createFakeSource() {
  let handlers: Handlers | undefined;
  const restarts: unknown[] = [];
  const sent: string[] = [];
  const closed: unknown[] = [];
  const source: NotificationSource = {
    start: async (given) => {
      handlers = given;
    },
    restart: (reason) => void restarts.push(reason),
    notify: async (payload) => void sent.push(payload),
    close: async () => void closed.push(true),
  };
  return {
    source,
    restarts,
    sent,
    closed,
    up: () => handlers!.onUp(),
    down: (reason: unknown = new Error('The connection is lost.')) => handlers!.onDown(reason),
    sayText: (payload: string) => handlers!.onPayload(payload),
    say: (message: unknown) => handlers!.onPayload(JSON.stringify(message)),
  };
}
