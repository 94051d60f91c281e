/** How long one stream may be read before other events have their turn, in milliseconds. */
const BUDGET_MS = 10;

interface Pausable {
  pause(): unknown;
  resume(): unknown;
}

/**
 * Keeps a stream that delivers much at once from blocking the event loop: libuv reads up to 2 MB before it turns to anything
 * else. Returns a function to call after each piece of work that the stream caused.
 */
export function shareTurns(findStream: () => Pausable, now: () => number = () => performance.now()): () => void {
  let startedAtMs: number | null = null;
  let paused: Pausable | null = null;
  const endTurn = () => {
    startedAtMs = null;
    paused?.resume();
    paused = null;
  };
  return () => {
    if (startedAtMs === null) {
      startedAtMs = now();
      setImmediate(endTurn);
    } else if (paused === null && now() - startedAtMs > BUDGET_MS) {
      paused = findStream();
      paused.pause();
    }
  };
}
