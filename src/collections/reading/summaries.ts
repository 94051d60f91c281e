import type { Cache, Evolution } from '../../cache/index.ts';
import type { AnyCollection } from '../definition/collection.ts';
import type { NormalizedFilter } from '../definition/filter-language.ts';
import type { Summary } from '../definition/summary.ts';
import type { Operation } from './operation.ts';
import type { Statements } from './statements.ts';
import { emptySummary, type SummarizedChange, SummaryState } from './summary-state.ts';

/** The summaries of a collection: loaded once, and from then on kept by the changes that are announced. */
export class Summaries {
  readonly #definition: AnyCollection;
  readonly #cache: Cache;
  readonly #statements: Pick<Statements<never>, 'summarize'>;
  readonly #states = new WeakMap<Summary, SummaryState>();

  constructor(definition: AnyCollection, cache: Cache, statements: Pick<Statements<never>, 'summarize'>) {
    this.#definition = definition;
    this.#cache = cache;
    this.#statements = statements;
  }

  /** @param filter `null` when no row can fit */
  async read(filter: NormalizedFilter | null, { asksDatabase, reads }: Operation): Promise<Summary> {
    if (!filter) return emptySummary(this.#definition);
    const key = this.#definition.summaryKey(filter);
    const options = {
      layer: this.#definition.summaryLayer,
      tagsOf: () => this.#definition.summaryTags(filter),
      // Of a row that was too big to be announced it is not known what it was.
      isAffectedBy: (change: unknown) => (change as Partial<SummarizedChange> | null)?.xid === undefined,
      evolution: this.#evolution,
      reload: asksDatabase,
      requestOf: () => filter,
      trace: reads,
    };
    const summary =
      this.#cache.findHeld<Summary>(key, options) ??
      (await this.#cache.read<Summary>(key, () => this.#load(filter), options));
    this.#states.get(summary)?.noteRead();
    return summary;
  }

  async #load(filter: NormalizedFilter): Promise<Summary> {
    const state = new SummaryState(this.#definition, filter, await this.#statements.summarize(filter));
    this.#states.set(state.summary, state);
    return state.summary;
  }

  readonly #evolution: Evolution<Summary> = {
    next: (change, summary) => {
      const state = this.#states.get(summary);
      const next = state?.next(change as SummarizedChange);
      if (state && next) this.#states.set(next, state);
      return next;
    },
    isOlder: (loaded, held) => {
      const [one, other] = [this.#states.get(loaded), this.#states.get(held)];
      return one !== undefined && other !== undefined && one.snapshot.isBefore(other.snapshot);
    },
    bytesBeside: (summary) => this.#states.get(summary)?.bytes ?? 0,
  };
}
