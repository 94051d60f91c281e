import type { Summary } from '../../src/collections/index.ts';
import type { History, RowState } from './history.ts';
import type { ListOracle, ListQuery, ListState } from './lists.ts';
import type { Table } from './rows.ts';
import { type Figures, figuresDuring, figuresIn, isSame } from './summaries.ts';
import type { Rule } from './violation.ts';

/** What a read that began at one moment may show. */
export interface Window {
  readonly instance: { readonly index: number };
  /** Every commit up to this one has to show. */
  readonly floor: number;
  /** Where the read begins in the order of all beginnings and ends of reads. */
  readonly order: number;
}

interface Sight {
  readonly state: RowState;
  readonly order: number;
}

const KEPT_SIGHTS = 32;

export interface JudgeOptions {
  readonly history: History;
  readonly lastCommit: () => number;
  readonly report: (rule: Rule, about: string, text: string) => void;
  /** Called when an instance shows another state of a row than before. */
  readonly onSight: (instance: { readonly index: number }, what: string) => void;
}

/** Compares what reads return with what was true while they ran, and with what earlier reads have shown. */
export class Judge {
  readonly #options: JudgeOptions;
  /** What the reads on one instance have shown of one row, in the order of their ends. */
  readonly #sights = new Map<string, Sight[]>();
  #order = 0;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  nextOrder(): number {
    return ++this.#order;
  }

  /** @param record `null`: there is none */
  judgeRecord(window: Window, table: Table, id: string, record: object | null): void {
    const { history, report } = this.#options;
    const state = record ? history.stateShownBy(table, record) : this.#lastAbsence(table, id, window.floor);
    const name = nameOf(table, id);
    const reader = `instance ${window.instance.index}`;
    if (!state) {
      if (record) report('never-written', name, `${reader} showed ${name} as ${JSON.stringify(record)}.`);
      else report('missing-row', name, `${reader} found no ${name}, which existed since commit ${window.floor}.`);
      return;
    }
    if (state.endCommit <= window.floor) {
      const rule = history.stateAt(table, id, window.floor).row ? 'stale-read' : 'deleted-came-back';
      const replaced = `which commit ${state.endCommit} replaced; it had to show commit ${window.floor}`;
      report(rule, name, `${reader} showed ${name} as of commit ${state.commit}, ${replaced}.`);
      return;
    }
    // Of several absences the read may have seen the earliest: it counts as the latest, and is remembered as the earliest.
    this.#judgeProgress(window, table, id, {
      shown: state,
      seen: record ? state : this.#firstAbsence(table, id, window.floor),
    });
  }

  /** @param rows the records in the order of the page, without those that were deleted since it was read */
  judgePage(window: Window, oracle: ListOracle, ids: readonly string[], hasMore: boolean): void {
    const { lastCommit, report } = this.#options;
    const mayBeMissing = (id: string) => this.#lastAbsence('desk', id, window.floor) !== undefined;
    const isRight = (state: ListState) => {
      if (state.hasMore !== hasMore) return false;
      let at = 0;
      for (const id of state.ids) {
        if (ids[at] === id) at++;
        else if (!mayBeMissing(id)) return false;
      }
      return at === ids.length;
    };
    const right = oracle.statesDuring(window.floor, lastCommit());
    if (right.some(isRight)) return;
    const answers = right.map((state) => `at commit ${state.commit}: ${describePage(state.ids, state.hasMore)}`);
    const expected = right.flatMap((state) => state.ids);
    const differing = expected.find((id) => !ids.includes(id)) ?? ids.find((id) => !expected.includes(id));
    report(
      'wrong-page',
      differing ? nameOf('desk', differing) : '',
      `instance ${window.instance.index} showed the page ${JSON.stringify(oracle.query)} as ` +
        `${describePage(ids, hasMore)}, which was right at no moment since commit ${window.floor}: ${answers.join('; ')}.`,
    );
  }

  judgeCount(window: Window, oracle: ListOracle, count: number): void {
    const { lastCommit, report } = this.#options;
    const right = oracle.statesDuring(window.floor, lastCommit());
    if (right.some((state) => state.count === count)) return;
    const counts = right.map((state) => `${state.count} at commit ${state.commit}`).join(', ');
    report(
      'wrong-count',
      '',
      `instance ${window.instance.index} counted ${count} for ${JSON.stringify(oracle.query.filter)}; right was ${counts}.`,
    );
  }

  judgeSummary(window: Window, filter: ListQuery['filter'], summary: Summary): void {
    const { history, lastCommit, report } = this.#options;
    const shown = figuresIn(summary);
    const right: Figures[] = [];
    for (const figures of figuresDuring(filter, { from: window.floor, to: lastCommit() }, history)) {
      if (isSame(figures, shown)) return;
      right.push(figures);
    }
    const answers = right.slice(-5).map((figures) => JSON.stringify(figures));
    report(
      'wrong-summary',
      '',
      `instance ${window.instance.index} showed ${JSON.stringify(shown)} for ${JSON.stringify(filter)}, which was right at no ` +
        `moment since commit ${window.floor}; at last: ${answers.join('; ')}.`,
    );
  }

  /** Forgets what an instance has shown, which ended. */
  forget(instance: number): void {
    for (const key of this.#sights.keys()) if (key.startsWith(`${instance} `)) this.#sights.delete(key);
  }

  /** The last state without the row that was true at some moment since `floor`. */
  #lastAbsence(table: Table, id: string, floor: number): RowState | undefined {
    const state = this.#options.history
      .statesOf(table, id)
      .findLast(({ row, endCommit }) => row === null || endCommit <= floor);
    return state && state.row === null && state.endCommit > floor ? state : undefined;
  }

  #firstAbsence(table: Table, id: string, floor: number): RowState {
    return this.#options.history.statesOf(table, id).find(({ row, endCommit }) => row === null && endCommit > floor)!;
  }

  #judgeProgress(
    { instance, order }: Window,
    table: Table,
    id: string,
    { shown, seen }: { readonly shown: RowState; readonly seen: RowState },
  ): void {
    const key = `${instance.index} ${table} ${id}`;
    let sights = this.#sights.get(key);
    if (!sights) {
      sights = [];
      this.#sights.set(key, sights);
    }
    const last = sights.at(-1);
    if (last?.state === seen) return;
    const { report, onSight } = this.#options;
    const name = nameOf(table, id);
    onSight(instance, `${name} shows ${seen.row ? `version ${seen.row.version}` : 'no row'} of commit ${seen.commit}`);
    const before = sights.findLast((sight) => sight.order < order)?.state;
    if (before && before.sequence > shown.sequence) {
      report(
        'went-backwards',
        name,
        `instance ${instance.index} showed ${name} as of commit ${shown.commit}, after it had shown commit ${before.commit}.`,
      );
    }
    if (last && last.state.sequence > seen.sequence) return;
    sights.push({ state: seen, order: this.nextOrder() });
    if (sights.length > 2 * KEPT_SIGHTS) sights.splice(0, KEPT_SIGHTS);
  }
}

export function nameOf(table: Table, id: string): string {
  return `${table} ${Number(id.slice(-12))}`;
}

function describePage(ids: readonly string[], hasMore: boolean): string {
  const names = ids.map((id) => nameOf('desk', id)).join(', ');
  return `[${names}${hasMore ? ', …' : ''}]`;
}
