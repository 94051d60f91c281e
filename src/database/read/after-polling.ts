/**
 * Resolves when everything that this turn of the event loop brought has been looked at.
 *
 * A statement is best sent then: sending it wakes a process of PostgreSQL, for which the system may set this one aside in
 * the middle of its work.
 */
export function afterPolling(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
