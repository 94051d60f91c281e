import type { NotificationSource } from '../../src/changes/index.ts';

export type SourceEvent =
  | { readonly kind: 'up' }
  | { readonly kind: 'down'; readonly reason: unknown }
  | { readonly kind: 'payload'; readonly payload: string };

/** Queues what a source reports, for tests that wait for it. */
export function createEventQueue() {
  const unread: SourceEvent[] = [];
  const awaited: ((event: SourceEvent) => void)[] = [];
  const push = (event: SourceEvent): void => {
    const waiting = awaited.shift();
    if (waiting) waiting(event);
    else unread.push(event);
  };
  const next = async (): Promise<SourceEvent> =>
    unread.shift() ?? new Promise<SourceEvent>((resolve) => awaited.push(resolve));
  const handlers: Parameters<NotificationSource['start']>[0] = {
    onUp: () => push({ kind: 'up' }),
    onDown: (reason) => push({ kind: 'down', reason }),
    onPayload: (payload) => push({ kind: 'payload', payload }),
  };
  return {
    handlers,
    unread,
    next,
    /** Returns the next event of that kind, and skips those before it. */
    async nextOf<K extends SourceEvent['kind']>(kind: K): Promise<Extract<SourceEvent, { kind: K }>> {
      for (;;) {
        const event = await next();
        if (event.kind === kind) return event as Extract<SourceEvent, { kind: K }>;
      }
    },
  };
}
