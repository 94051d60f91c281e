/** How the jobs are done: one by itself, or several in one transaction, of which each does all or nothing. */
export interface GroupCommitParts<Job, Result> {
  one(job: Job): Promise<Result>;
  /**
   * @returns the results in the order of the jobs, or `null` when nothing was done and each had better be done by itself
   * @throws when what became of them is not known, or nobody could do them
   */
  group(jobs: readonly Job[]): Promise<readonly Result[] | null>;
}

interface Waiting<Job, Result> {
  readonly job: Job;
  readonly resolve: (result: Result | PromiseLike<Result>) => void;
  readonly reject: (error: unknown) => void;
}

/** Beyond so many at a time, writes wait for each other in PostgreSQL, where each has a commit of its own. */
const MAX_UNDER_WAY = 2;
const MAX_GROUP = 50;
/** One that is held up by a lock must not hold up those behind it. */
const MAX_WAIT_MS = 10;

/**
 * Commits together what comes while other commits are under way.
 *
 * PostgreSQL lets transactions that announce something commit one after the other, each with its own flush to disk, so
 * more writers bring no more commits. In a group they share one. Alone, a write is sent at once.
 */
export class GroupCommit<Job, Result> {
  readonly #parts: GroupCommitParts<Job, Result>;
  #waiting: Waiting<Job, Result>[] = [];
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: GroupCommitParts<Job, Result>) {
    this.#parts = parts;
  }

  /** Rejects as the job does by itself. */
  run(job: Job): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject });
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
      const results = await this.#parts.group(jobs.map(({ job }) => job));
      if (!results) return await this.#each(jobs);
      jobs.forEach(({ resolve }, index) => {
        resolve(results[index]!);
      });
    } catch (error) {
      for (const { reject } of jobs) reject(error);
    }
  }

  async #each(jobs: readonly Waiting<Job, Result>[]): Promise<void> {
    await Promise.all(jobs.map(({ job, resolve, reject }) => this.#parts.one(job).then(resolve, reject)));
  }
}
