import type { Entry } from './entry.ts';
import type { RemovalCause } from './removal-cause.ts';

/** One entry that left the cache. */
export interface Removal
  extends Pick<Entry, 'key' | 'layer' | 'value' | 'version' | 'bytes' | 'storedAtMs' | 'expiresAtMs'> {
  readonly cause: RemovalCause;
}

export type RemovalListener = (removal: Removal) => void;

/** Delivers removals to listeners, in order, in a microtask after the operation that caused them. */
export class RemovalListeners {
  readonly #listeners = new Set<RemovalListener>();
  readonly #onError: (error: unknown) => void;
  #undelivered: Removal[] = [];
  /** A plain property, because the store asks it at each removal. */
  hasAny = false;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Adds a listener and returns a function that removes it. */
  add(listener: RemovalListener): () => void {
    this.#listeners.add(listener);
    this.hasAny = true;
    return () => {
      this.#listeners.delete(listener);
      this.hasAny = this.#listeners.size > 0;
    };
  }

  /** Call only while there are listeners. */
  report({ key, layer, value, version, bytes, storedAtMs, expiresAtMs }: Entry, cause: RemovalCause): void {
    this.#undelivered.push({ cause, key, layer, value, version, bytes, storedAtMs, expiresAtMs });
    // Later, because a listener that uses the cache must not find it between two states.
    if (this.#undelivered.length === 1) queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    const removals = this.#undelivered;
    this.#undelivered = [];
    for (const removal of removals) {
      for (const listener of this.#listeners) {
        try {
          listener(removal);
        } catch (error) {
          this.#onError(error);
        }
      }
    }
  }
}
