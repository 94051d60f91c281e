import cluster, { type Worker } from 'node:cluster';
import type { FiguresMerger } from './figures.ts';

/** What a primary tells its workers. */
export type PrimaryMessage =
  | { readonly kind: 'report figures'; readonly question: number }
  | { readonly kind: 'merged figures'; readonly question: number; readonly text: string };

/** How long a worker may take to report. Prometheus itself waits ten seconds. */
const ANSWER_MS = 1000;

/** The primary's part in collecting figures: it numbers the workers, asks all of them, and merges what they answer. */
export class WorkerFigures {
  readonly #merger: FiguresMerger;
  readonly #numbers = new Map<Worker, number>();
  readonly #questions = new Map<number, Question>();
  #asked = 0;

  constructor(merger: FiguresMerger) {
    this.#merger = merger;
  }

  /** Gives a worker the lowest free number, which a replacement thus takes over. */
  add(worker: Worker): void {
    const taken = new Set(this.#numbers.values());
    let number = 1;
    while (taken.has(number)) number++;
    this.#numbers.set(worker, number);
  }

  end(worker: Worker): void {
    const number = this.#numbers.get(worker)!;
    this.#numbers.delete(worker);
    this.#merger.end(number);
    for (const question of this.#questions.values()) question.leave(number);
  }

  /** A worker reported. What comes too late for its question still is that worker's latest. */
  receive(worker: Worker, question: number, figures: unknown): void {
    const number = this.#numbers.get(worker);
    if (number === undefined) return;
    this.#merger.record(number, figures);
    this.#questions.get(question)?.answer(number);
  }

  /** Asks those of the workers that are ready, and sends the merged figures to the one that wants them. */
  async collectFor(asking: Worker, itsQuestion: number, ready: Iterable<Worker>): Promise<void> {
    const number = ++this.#asked;
    const workers = [...ready].filter((worker) => worker.isConnected());
    const question = new Question(workers.map((worker) => this.#numbers.get(worker)!));
    this.#questions.set(number, question);
    for (const worker of workers) tell(worker, { kind: 'report figures', question: number });
    const answered = await question.answered;
    this.#questions.delete(number);
    const text = await this.#merger.print(answered);
    tell(asking, { kind: 'merged figures', question: itsQuestion, text });
  }
}

/** One round of asking all workers. */
class Question {
  readonly answered: Promise<ReadonlySet<number>>;
  readonly #awaited: Set<number>;
  readonly #answered = new Set<number>();
  readonly #end: () => void;

  constructor(workers: readonly number[]) {
    this.#awaited = new Set(workers);
    const { promise, resolve } = Promise.withResolvers<ReadonlySet<number>>();
    const timer = setTimeout(() => resolve(this.#answered), ANSWER_MS);
    this.answered = promise;
    this.#end = () => {
      clearTimeout(timer);
      resolve(this.#answered);
    };
    if (this.#awaited.size === 0) this.#end();
  }

  answer(worker: number): void {
    this.#answered.add(worker);
    this.leave(worker);
  }

  leave(worker: number): void {
    this.#awaited.delete(worker);
    if (this.#awaited.size === 0) this.#end();
  }
}

/** A worker may end while it is written to: its end is heard of anyway. */
function tell(worker: Worker, message: PrimaryMessage): void {
  if (worker.isConnected()) worker.process.send(message, undefined, undefined, () => {});
}

/** Figures keep values that JSON has no way to write, such as NaN. */
export function keepFiguresWhole(): void {
  cluster.setupPrimary({ serialization: 'advanced' });
}
