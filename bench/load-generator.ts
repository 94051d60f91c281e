import { type ChildProcess, fork } from 'node:child_process';
import type { LoadMessage, LoadResult, Plan } from './load-plan.ts';

/** The load generator's process, seen from the benchmark. Carries out one plan at a time. */
export class LoadGenerator {
  readonly #child: ChildProcess = fork(new URL('./load.ts', import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });

  /**
   * @param ready called when a stampede could begin, which it does once that has resolved
   * @throws when a request failed, with what was answered
   */
  async run(plan: Plan, ready?: () => Promise<unknown>): Promise<LoadResult> {
    const { promise, resolve, reject } = Promise.withResolvers<LoadResult>();
    const listen = async (message: LoadMessage) => {
      if ('error' in message) return reject(new Error(`${plan.url}: ${message.error}`));
      if ('result' in message) return resolve(message.result);
      await ready?.();
      this.#child.send('go');
    };
    const end = () => reject(new Error('The load generator ended.'));
    this.#child.on('message', listen).on('exit', end).send(plan);
    try {
      return await promise;
    } finally {
      this.#child.off('message', listen).off('exit', end);
    }
  }

  stop(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}
