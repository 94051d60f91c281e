/**
 * Resolves when the event loop has handled all the events of its current turn.
 *
 * This is the best moment to send a statement. Sending wakes a PostgreSQL process, and the operating system may suspend
 * this process in favour of that one, in the middle of its work.
 */
export function afterPolling(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
