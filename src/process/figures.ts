/**
 * How workers share their metrics: the primary collects them from all workers, so that any worker can answer a scrape for
 * all of them. Figures can be anything that `structuredClone` copies.
 */
export interface FiguresExchange {
  /** `read` is called whenever the primary wants the figures of this worker. */
  offer(read: () => Promise<unknown>): void;
  /**
   * The figures of all workers as one text. Workers that do not answer within a second are left out of what holds only
   * now, and counted.
   * @throws when the primary does not answer
   */
  collect(): Promise<string>;
}

/** Merges what the workers measured. A worker's number is 1 to the number of workers; a replacement takes it over. */
export interface FiguresMerger {
  /** Replaces what the worker reported before. */
  record(worker: number, figures: unknown): void;
  /** The worker ended. Its totals remain. */
  end(worker: number): void;
  /** @param answered the workers whose figures are of this moment */
  print(answered: ReadonlySet<number>): Promise<string>;
}
