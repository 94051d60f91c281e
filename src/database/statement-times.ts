import { DefaultLogger, type LogContext, type LoggerOptions } from '@mikro-orm/core';

/** What a connection or a statement is for. */
export type Purpose = 'read' | 'write';

/** A statement as it was sent, or several that were sent as one. */
export interface SentStatement {
  readonly purpose: Purpose;
  readonly text: string;
  /** Whether values, which may be secrets, are written in `text`. */
  readonly hasValues: boolean;
  readonly count: number;
}

/** A statement that the database answered, or that failed. The wait for a connection is included. */
export interface EndedStatement extends SentStatement {
  readonly durationSeconds: number;
  /** `null`: it was answered. */
  readonly error: unknown;
}

/** Told how long the database takes. */
export interface DatabaseObserver {
  /** Called in the asynchronous context in which the statement was sent. */
  observeStatement(statement: EndedStatement): void;
  /** The wait for a connection of a pool is over. */
  observeWait(pool: Purpose, durationSeconds: number): void;
}

export function readOf(text: string): SentStatement {
  return { purpose: 'read', text, hasValues: false, count: 1 };
}

/** Settles as `answered` does, and tells how long it took, whatever came of it. */
export function timed<Result>(
  answered: Promise<Result>,
  statement: SentStatement,
  observer: DatabaseObserver | undefined,
): Promise<Result> {
  if (!observer) return answered;
  const startedAtMs = performance.now();
  const end = (error: unknown) =>
    observer.observeStatement({ ...statement, durationSeconds: (performance.now() - startedAtMs) / 1000, error });
  answered.then(() => end(null), end);
  return answered;
}

/** How MikroORM tells how long its statements took. It logs what it always does. */
export class StatementLogger extends DefaultLogger {
  readonly #observer: DatabaseObserver;

  constructor(options: LoggerOptions, observer: DatabaseObserver) {
    super(options);
    this.#observer = observer;
  }

  override logQuery(context: { query: string } & LogContext): void {
    const { query: text, took, level } = context;
    // Transaction control has no time.
    if (took !== undefined) {
      const error = level === 'error' ? new Error('A statement of MikroORM failed.') : null;
      const statement = { purpose: 'write', text, hasValues: true, count: 1 } as const;
      this.#observer.observeStatement({ ...statement, durationSeconds: took / 1000, error });
    }
    super.logQuery(context);
  }
}
