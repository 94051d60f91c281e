import { setImmediate } from 'node:timers/promises';

/** How long one turn takes before the event loop continues. */
const LONGEST_TURN_MS = 5;
/** Items between two looks at the clock. The slowest one to visit, a long key under a long pattern, takes 0.5 ms. */
const ITEMS_PER_LOOK = 16;

/** When turns end, and what happens between them. */
export interface Turns {
  /** Milliseconds. */
  now(): number;
  /** Lets other work go on. */
  rest(): Promise<unknown>;
}

export const eventLoopTurns: Turns = { now: () => performance.now(), rest: () => setImmediate() };

/** Visits all items, in as many turns of the event loop as it takes to delay no other work. */
export async function visitInTurns<T>(items: readonly T[], visit: (item: T) => void, turns: Turns): Promise<void> {
  let endsAtMs = turns.now() + LONGEST_TURN_MS;
  for (let at = 0; at < items.length; at++) {
    if (at % ITEMS_PER_LOOK === 0 && turns.now() >= endsAtMs) {
      await turns.rest();
      endsAtMs = turns.now() + LONGEST_TURN_MS;
    }
    visit(items[at]!);
  }
}
