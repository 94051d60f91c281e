import { randomUUID } from 'node:crypto';
import type { ChangeFeed, Command } from '../../changes/index.ts';

export interface Exchange {
  readonly timeoutMs: number;
  /** Sends the question. Resolves to `false` when there is nothing to wait for. */
  send(question: string): Promise<boolean>;
  /** Receives every command meanwhile. Returns whether the answer is complete. */
  receive(command: Command, question: string): boolean;
}

/**
 * Asks other instances over the change feed, and waits until they have answered, the time is over or the feed is lost.
 * PostgreSQL is where they meet: the question and the answers travel as notifications, and nothing is stored that could
 * outlive an instance.
 * @throws what `send` throws
 */
export async function exchange(feed: ChangeFeed, { timeoutMs, send, receive }: Exchange): Promise<void> {
  const question = randomUUID();
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>();
  const timer = setTimeout(end, timeoutMs);
  const unfollow = feed.follow({
    onCommand: (command) => {
      if (receive(command, question)) end();
    },
    onGap: end,
  });
  try {
    if (await send(question)) await isOver;
  } finally {
    clearTimeout(timer);
    unfollow();
  }
}
