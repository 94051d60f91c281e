import { type ChildProcess, fork } from 'node:child_process';
import type { LoadMessage, LoadResult, Plan } from './load-plan.ts';

/** The benchmark's handle on the load generator's process, which runs one plan at a time. */
export class LoadGenerator {
  readonly #child: ChildProcess = fork(new URL('./load.ts', import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });

  /**
   * @param ready called when the connections of a stampede are open; the stampede begins once it has resolved
   * @throws when a request failed, with the response
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
