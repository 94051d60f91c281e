/** A module of its own, for tests that ask for the engine and need nothing of the application. */

export type Engine = 'pglite' | 'postgresql';

/** The engine of this run: `TEST_ENGINE`, by default PGlite. */
export const engine: Engine = process.env.TEST_ENGINE === 'postgresql' ? 'postgresql' : 'pglite';
