import { AsyncLocalStorage } from 'node:async_hooks';

/** How jobs are executed: one alone, or several in one transaction. Either way a job is done completely or not at all. */
export interface GroupCommitParts<Job, Result> {
  one(job: Job): Promise<Result>;
  /**
   * @returns the results in the order of the jobs, or `null` if nothing was written and each job should be run alone
   * @throws when the outcome is unknown, or when running the jobs alone would fail too
   */
  group(jobs: readonly Job[]): Promise<readonly Result[] | null>;
}

interface Waiting<Job, Result> {
  readonly job: Job;
  readonly resolve: (result: Result | PromiseLike<Result>) => void;
  readonly reject: (error: unknown) => void;
  /** Calls a function in the asynchronous context of the job, so that its statements belong to the operation they are for. */
  readonly inItsContext: <R>(work: () => R) => R;
}

/** More concurrent commits would only queue inside PostgreSQL, each with a flush of its own. */
const MAX_UNDER_WAY = 2;
const MAX_GROUP = 50;
/** Bounds how long a commit that waits for a lock can delay the jobs behind it. */
const MAX_WAIT_MS = 10;

/**
 * Collects the jobs that arrive while other commits are running, and commits them together.
 *
 * PostgreSQL serializes the commits of transactions that send notifications, and flushes each to disk separately, so more
 * writers do not mean more commits per second. The jobs of a group share one commit. A single job is sent at once.
 */
export class GroupCommit<Job, Result> {
  readonly #parts: GroupCommitParts<Job, Result>;
  #waiting: Waiting<Job, Result>[] = [];
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: GroupCommitParts<Job, Result>) {
    this.#parts = parts;
  }

  /** Rejects with the same error as the job would alone. */
  run(job: Job): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject, inItsContext: AsyncLocalStorage.snapshot() });
      if (this.#underWay < MAX_UNDER_WAY) this.#send();
      else this.#sendSoon();
    });
  }

  #sendSoon(): void {
    this.#timer ??= setTimeout(() => this.#send(), MAX_WAIT_MS);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const jobs = this.#waiting.splice(0, MAX_GROUP);
    if (jobs.length === 0) return;
    if (this.#waiting.length > 0) this.#sendSoon();
    this.#underWay += 1;
    const done = jobs.length === 1 ? this.#each(jobs) : this.#together(jobs);
    done.finally(() => {
      this.#underWay -= 1;
      this.#send();
    });
  }

  async #together(jobs: readonly Waiting<Job, Result>[]): Promise<void> {
    try {
      const results = await jobs[0]!.inItsContext(() => this.#parts.group(jobs.map(({ job }) => job)));
      if (!results) return await this.#each(jobs);
      jobs.forEach(({ resolve }, index) => {
        resolve(results[index]!);
      });
    } catch (error) {
      for (const { reject } of jobs) reject(error);
    }
  }

  async #each(jobs: readonly Waiting<Job, Result>[]): Promise<void> {
    const run = ({ job, resolve, reject, inItsContext }: Waiting<Job, Result>) =>
      inItsContext(() => this.#parts.one(job)).then(resolve, reject);
    await Promise.all(jobs.map(run));
  }
}
