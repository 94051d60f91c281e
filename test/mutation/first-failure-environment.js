import { TestEnvironment } from 'jest-environment-node';

/** A database or a server may take longer to start on a busy machine than any test may take. */
const PREPARATION_MS = 60_000;

/** Skips the tests that follow a failure, because a mutant dies of its first one. */
export default class FirstFailureEnvironment extends TestEnvironment {
  #hasFailed = false;

  handleTestEvent(event) {
    if (event.name === 'hook_start' && event.hook.type === 'beforeAll') event.hook.timeout = PREPARATION_MS;
    if (event.name === 'test_fn_failure' || event.name === 'hook_failure') this.#hasFailed = true;
    if (event.name === 'test_start' && this.#hasFailed) event.test.mode = 'skip';
  }
}
