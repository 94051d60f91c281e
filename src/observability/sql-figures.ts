import type { DatabaseObserver, EndedStatement, Purpose } from '../database/statement-times.ts';
import { DurationCounts } from './duration-histogram.ts';
import { DURATION_BOUNDS_SECONDS } from './operation-figures.ts';

type ByPurpose = Readonly<Record<Purpose, DurationCounts>>;

/** How long the database takes. */
export class SqlFigures implements DatabaseObserver {
  /** By what the statements do. */
  readonly statements: ByPurpose = byPurpose();
  /** By the pool whose connection was waited for. */
  readonly waits: ByPurpose = byPurpose();

  readonly #next: ((statement: EndedStatement) => void) | undefined;

  /** @param next is told of each statement as well */
  constructor(next?: (statement: EndedStatement) => void) {
    this.#next = next;
  }

  observeStatement(statement: EndedStatement): void {
    this.statements[statement.purpose].observe(statement.durationSeconds);
    this.#next?.(statement);
  }

  observeWait(pool: Purpose, durationSeconds: number): void {
    this.waits[pool].observe(durationSeconds);
  }
}

function byPurpose(): ByPurpose {
  return { read: new DurationCounts(DURATION_BOUNDS_SECONDS), write: new DurationCounts(DURATION_BOUNDS_SECONDS) };
}
